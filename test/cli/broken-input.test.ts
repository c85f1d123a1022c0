import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { drawImage, writeSmallModel } from "../local/small-bucket";
import { projectRoot } from "../reference";

const command = path.join(projectRoot, "dist/bin/cytolens.js");
const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-broken-"));
const inside = (...names: string[]): string => path.join(scratch, ...names);
beforeAll(async () => {
  await writeSmallModel(inside("model"));
  for (const folder of ["data/one", "data/two", "broken-json", "broken-card", "utf16-card", "bucket"])
    mkdirSync(inside(folder), { recursive: true });
  for (const file of ["data/one/1.png", "data/two/2.png"]) writeFileSync(inside(file), await drawImage(1));
  for (const folder of ["broken-json", "broken-card", "utf16-card"])
    cpSync(inside("model/model.onnx"), inside(folder, "model.onnx"));
  const card = readFileSync(inside("model/card.json"), "utf8");
  writeFileSync(inside("broken-json/card.json"), `${card},`);
  writeFileSync(inside("broken-card/card.json"), JSON.stringify({ classes: ["one"] }));
  writeFileSync(inside("utf16-card/card.json"), Buffer.from(`\uFEFF${card}`, "utf16le"));
  writeFileSync(inside("broken.json"), '{"labels": "folders",}');
  writeFileSync(inside("wrong.json"), '{"lables": "folders"}');
  writeFileSync(inside("marked.json"), '\uFEFF{"labels": "folders"}');
  writeFileSync(inside("junk.safetensors"), Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x5d]));
}, 60_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const cytolens = (words: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [command, ...words], {
    cwd: scratch,
    encoding: "utf8",
    env: { ...process.env, CYTOLENS_CACHE: inside("cache") },
  });

test.each<[string, string[], RegExp]>([
  ["settings that are no JSON, run", ["run", "data", "--settings", "broken.json"], /JSON in broken\.json but received/],
  ["settings with a wrong field, run", ["run", "data", "--settings", "wrong.json"], /lables/],
  [
    "settings that are no JSON, submit",
    ["submit", "data", "--bucket", "./bucket", "--settings", "broken.json"],
    /broken\.json/,
  ],
  ["settings that are no JSON, dry run", ["run", "data", "--dry-run", "--settings", "broken.json"], /broken\.json/],
  ["a card that is no JSON, run", ["run", "data", "--model", "broken-json"], /card\.json/],
  ["a card that is no JSON beside its model, run", ["run", "data", "--model", "broken-json/model.onnx"], /card\.json/],
  ["a card that is no JSON, explain", ["explain", "broken-json", "data/one/1.png"], /card\.json/],
  ["a card that is no JSON, evaluate", ["evaluate", "broken-json", "data"], /card\.json/],
  ["a card that is no JSON, publish", ["model", "publish", "broken-json", "--bucket", "./bucket"], /card\.json/],
  ["a card that lacks fields, run", ["run", "data", "--model", "broken-card"], /card/],
  ["a card that lacks fields, explain", ["explain", "broken-card", "data/one/1.png"], /card/],
  [
    "weights that are none, train",
    ["train", "data", "-o", "out", "--network", "densenet121-mini", "--weights", "junk.safetensors"],
    /Expected a header in JSON/,
  ],
  ["an unknown network", ["train", "data", "-o", "out", "--network", "densenet12"], /did you mean densenet121\?/],
  ["an unknown method", ["explain", "model", "data/one/1.png", "--method", "gradcam"], /did you mean grad-cam\?/],
  ["an unknown word among several", ["study", "--phantom", "--variants", "full", "croped"], /did you mean cropped\?/],
  ["a decimal comma", ["train", "data", "-o", "out", "--lr", "0,001"], /with a decimal point \(0\.001\)/],
])(
  "%s: a sentence and exit code 2",
  (_label, words, sentence) => {
    const { status, stderr } = cytolens(words);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/ZodError|SyntaxError|\n {4}at /);
    expect(status).toBe(2);
  },
  60_000,
);

test("a card in UTF-16 and settings with a byte order mark are read", () => {
  const words = ["run", "data", "--dry-run", "--json", "--settings", "marked.json", "--model", "utf16-card"];
  const { settings } = JSON.parse(cytolens(words).stdout) as { settings: { labels: string } };
  expect(settings.labels).toBe("folders");
  expect(cytolens(["model", "inspect", "utf16-card"]).status).toBe(0);
}, 60_000);

test.each([
  ["help run", ["help", "run"], /--exclude <patterns\.\.\.>/],
  ["help model", ["help", "model"], /inspect.*\n.*import/s],
  ["help", ["help"], /differentiate/],
])(
  "%s shows what there is",
  (_label, words, shown) => {
    const { status, stdout } = cytolens(words);
    expect(stdout).toMatch(shown);
    expect(status).toBe(0);
  },
  60_000,
);

test("an error of the command line says where that command's help is", () => {
  expect(cytolens(["run", "data", "--frobnicate"]).stderr).toMatch(/run cytolens run --help/);
}, 60_000);

test("a folder to write in that is a file is the surroundings' fault, in a sentence", () => {
  const { status, stderr } = cytolens(["train", "data", "-o", "broken.json/out", "--network", "densenet121-mini"]);
  expect(stderr).toMatch(/^Expected .*broken\.json.*\[storage\.failed\]\n$/s);
  expect(status).toBe(3);
}, 60_000);
