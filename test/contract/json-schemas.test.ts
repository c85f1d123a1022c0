import Ajv2020, { type ValidateFunction } from "ajv/dist/2020";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { jsonSchemas } from "../../lib/contract/json-schemas";
import { parseSettings } from "../../lib/contract/settings";
import { encodePng } from "../../lib/imaging/drawing/overlay";
import { phantomField } from "../../lib/phantom/phantom";
import { projectRoot } from "../reference";

const schemas = jsonSchemas();
const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true, validateFormats: false });

function validator(name: string): ValidateFunction {
  return ajv.getSchema(name) ?? ajv.compile({ $id: name, ...schemas[name] });
}

function faultsOf(name: string, document: unknown): string {
  const validate = validator(name);
  return validate(document) ? "" : ajv.errorsText(validate.errors);
}

test("docs/schemas holds the contract of today (else: npm run schemas)", () => {
  const folder = path.join(projectRoot, "docs/schemas");
  const published = Object.fromEntries(
    readdirSync(folder).map((file) => [
      path.basename(file, ".json"),
      JSON.parse(readFileSync(path.join(folder, file), "utf8")) as unknown,
    ]),
  );
  expect(published).toEqual(JSON.parse(JSON.stringify(schemas)));
});

test.each(Object.keys(schemas))("%s is a schema by another validator's judgement", (name) => {
  expect(ajv.validateSchema(schemas[name]!)).toBe(true);
  expect(faultsOf(name, [])).not.toBe("");
});

test.each<[string, unknown]>([
  ["nothing", {}],
  [
    "methods by name and with parameters",
    { methods: ["grad-cam", { name: "integrated-gradients", steps: 32, baseline: "white" }] },
  ],
  ["an unknown method", { methods: ["lime"] }],
  ["a parameter of another method", { methods: [{ name: "gradient", steps: 3 }] }],
  ["no methods", { methods: [] }],
  ["an unknown field", { colour: "red" }],
  ["a class by its name", { target: { class: "Parabasal" } }],
  ["a class by a fraction", { target: { class: 1.5 } }],
  ["tiles", { tileSize: 512 }],
  ["tiles that are too small", { tileSize: 8 }],
  ["a later version", { schemaVersion: 9 }],
])("batch.json with %s: the schema and the reader agree", (_, document) => {
  let read = true;
  try {
    parseSettings(JSON.stringify(document));
  } catch {
    read = false;
  }
  expect(faultsOf("batch-settings", document) === "").toBe(read);
});

test("what a run leaves in the bucket follows the schemas", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "cytolens-schemas-"));
  try {
    const images = path.join(folder, "images");
    mkdirSync(images);
    writeFileSync(
      path.join(images, "cell.png"),
      await encodePng(phantomField({ className: "Parabasal", seed: 1, index: 0, size: 128 })),
    );
    writeFileSync(path.join(images, "broken.png"), "this is not a PNG");
    const { status } = spawnSync(
      process.execPath,
      [
        path.join(projectRoot, "dist/bin/cytolens.js"),
        "run",
        images,
        "--out",
        folder,
        "--batch",
        "b",
        "--methods",
        "grad-cam,gradient",
        "--figure",
      ],
      { stdio: "ignore" },
    );
    expect(status).toBe(1);
    const seen = new Set<string>();
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) =>
      name.replaceAll(path.sep, "/"),
    )) {
      const name = schemaOf(file);
      if (name === undefined) continue;
      seen.add(name);
      const text = readFileSync(path.join(folder, file), "utf8");
      const found = file.endsWith(".jsonl") ? text.split("\n").filter(Boolean) : [text];
      for (const document of found) expect(`${file}: ${faultsOf(name, JSON.parse(document))}`).toBe(`${file}: `);
    }
    expect([...seen].sort()).toEqual(Object.keys(schemas).sort());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function schemaOf(file: string): string | undefined {
  const patterns: readonly [RegExp, string][] = [
    [/^incoming\/[^/]+\/batch\.json$/, "batch-settings"],
    [/^results\/[^/]+\/current\.json$/, "current"],
    [/^runs\/.*\/dispatch\/[^/]+\.json$/, "dispatch"],
    [/^models\/sha256\/.*\/card\.json$/, "model-card"],
    [/^models\/names\//, "model-pointer"],
    [/\/shards\/[^/]+\.jsonl$/, "outcome"],
    [/^runs\/.*\/plan\.json$/, "plan"],
    [/\/result\.json$/, "result"],
    [/^runs\/.*\/summary\.json$/, "run-summary"],
    [/^results\/[^/]+\/summary\.json$/, "summary"],
    [/\/drafts\/.*\.jsonl$/, "work-item"],
  ];
  return patterns.find(([pattern]) => pattern.test(file))?.[1];
}
