import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { classIndexOf } from "../../lib/contract/class-index";
import { unknownName } from "../../lib/contract/closest-names";
import { UserError } from "../../lib/contract/errors";
import { modelCard } from "../../lib/contract/model-card";
import { decodeText, readJson } from "../../lib/contract/read-json";
import { parseSettings } from "../../lib/contract/settings";
import { projectRoot } from "../reference";

const json = '{"labels": "folders", "model": "Zellen-ä"}';
const swapped = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();
const utf16 = (text: string): Buffer => Buffer.from(text, "utf16le");

test.each<[string, Uint8Array | string]>([
  ["text", json],
  ["text with a byte order mark", `\uFEFF${json}`],
  ["UTF-8", Buffer.from(json)],
  ["UTF-8 with a byte order mark", Buffer.from(`\uFEFF${json}`)],
  ["UTF-16, little end first", utf16(`\uFEFF${json}`)],
  ["UTF-16, big end first", swapped(utf16(`\uFEFF${json}`))],
  ["UTF-16 without a mark", utf16(json)],
  ["UTF-16 without a mark, big end first", swapped(utf16(json))],
])("JSON in %s is read", (_name, text) => {
  expect(readJson(text)).toEqual({ value: { labels: "folders", model: "Zellen-ä" } });
  expect(parseSettings(text)).toMatchObject({ labels: "folders", model: "Zellen-ä" });
});

test.each<[string, Uint8Array | string, RegExp]>([
  ["nothing", "", /received nothing$/],
  ["a mark alone", Buffer.from("\uFEFF"), /received nothing$/],
  ["an end too early", '{"labels":', /received text that is not: Unexpected end/],
  ["a comma too many", '{"labels": "none",}', /received text that is not: Expected double-quoted property name/],
  ["words", "labels: none", /received text that is not: Unexpected token/],
  ["Latin-1", Buffer.from('{"model": "ä"}', "latin1"), /received bytes that are neither UTF-8 nor UTF-16; save/],
  ["half a letter", utf16(`\uFEFF${json}`).subarray(0, -1), /received bytes that are neither/],
])("%s is a sentence with the file's name", (_name, text, sentence) => {
  const read = (): unknown => parseSettings(text, "my.json");
  expect(read).toThrow(UserError);
  expect(read).toThrow(/^Expected JSON in my\.json but /);
  expect(read).toThrow(sentence);
});

test("text in another encoding is not guessed", () => {
  expect(decodeText(Buffer.from([0x41, 0xe4]))).toBeUndefined();
  expect(decodeText(new Uint8Array())).toBe("");
});

test("an unknown name gets the one that is like it, or all there are", () => {
  const names = ["gradient", "grad-cam", "integrated-gradients"];
  expect(unknownName("method", "GradCAM", names)).toBe('Unknown method "GradCAM"; did you mean grad-cam?');
  expect(unknownName("method", "xyz", names)).toBe(
    'Unknown method "xyz"; expected one of gradient, grad-cam, integrated-gradients',
  );
  expect(() => parseSettings('{"methods": ["integratedgradients"]}')).toThrow(
    'Unknown method "integratedgradients"; did you mean integrated-gradients?',
  );
});

describe("a class that is asked for", () => {
  test.each<[string | number, string[], number]>([
    ["1", ["2", "1", "0"], 1],
    ["1", ["normal", "abnormal"], 1],
    ["7", ["7", "8"], 0],
    [0, ["1", "0"], 0],
    ["abnormal", ["normal", "abnormal"], 1],
  ])("as %j of %j is number %j", (asked, classes, index) => expect(classIndexOf(asked, classes)).toBe(index));

  test("by a name that two have is refused, by a number is not", () => {
    const classes = ["cell", "debris", "cell"];
    expect(() => classIndexOf("cell", classes)).toThrow(/several are called "cell": 0, 2/);
    expect(classIndexOf(2, classes)).toBe(2);
  });

  test("that is not there is named with the closest", () => {
    expect(() => classIndexOf("abnorml", ["normal", "abnormal"])).toThrow(/"abnorml"; the closest is "abnormal"/);
    expect(() => classIndexOf("2", ["normal", "abnormal"])).toThrow(/an index below 2/);
  });
});

test("a card with a name twice is refused", () => {
  const card = { schemaVersion: 1, name: "m", title: "m", sha256: "0".repeat(64), classes: ["1", "1"] };
  const read = modelCard.safeParse({ ...card, input: { height: 1, width: 1 }, data: { description: "" } });
  expect(read.error?.issues.map(({ path: field, message }) => [field, message])).toEqual([
    [["classes"], "Expected names that differ from each other"],
  ]);
});

/** Where JSON is read that this program or a service wrote, and what becomes of a text that is not. */
const writtenByMachines: Record<string, string> = {
  "lib/contract/read-json.ts": "the one place for what people write",
  "lib/evaluation/cross-validate.ts": "folds.json, which a training wrote beside its models",
  "lib/networks/safetensors.ts": "a file's header: refused with the library's own error",
  "lib/contract/deployment.ts": "words that the command itself hands over: a failed check of the environment",
  "lib/aws/plan-messages.ts": "messages of S3 and of the planner: the queue takes them back",
  "lib/aws/metered-store.ts": "documents that are being written",
  "lib/protocol/shard/publish-annotation.ts": "collections that are being written; another's counts as none",
  "lib/infrastructure/worker-image.ts": "pins that are part of the project",
};

test("JSON is parsed in one place, but for what machines wrote", () => {
  const files = ["lib", "bin", "lambdas", "containers"].flatMap((folder) =>
    readdirSync(path.join(projectRoot, folder), { recursive: true, encoding: "utf8" })
      .map((file) => `${folder}/${file.replaceAll("\\", "/")}`)
      .filter((file) => file.endsWith(".ts")),
  );
  expect(files.length).toBeGreaterThan(200);
  const parsing = files.filter((file) => readFileSync(path.join(projectRoot, file), "utf8").includes("JSON.parse("));
  expect(parsing.filter((file) => !(file in writtenByMachines))).toEqual([]);
});
