import { execFile } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { encodePng } from "../lib/imaging/drawing/overlay";
import { networkNamed } from "../lib/networks/catalogue";
import { initializeWeights } from "../lib/networks/initialize";
import { writeModel } from "../lib/onnx/write-model";
import { phantomField } from "../lib/phantom/phantom";
import { projectRoot } from "./reference";

const text = readFileSync(path.join(projectRoot, "docs/library.md"), "utf8");
const examples = [...text.matchAll(/^## (.+)$(?:(?!^## )[^])*?```js\n([^]*?)```\n\n```text\n([^]*?)```/gm)].map(
  ([, title, code, output]) => ({ title, code, output }),
);

// Within the package, so that "cytolens" is this very package by its own exports.
const programs = path.join(projectRoot, "dist", "test", "library-examples");
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), "cytolens-library-"));
  mkdirSync(programs, { recursive: true });
  const network = networkNamed("densenet121-mini", { classes: 3, size: 64 });
  writeFileSync(path.join(folder, "model.onnx"), writeModel(network.build(initializeWeights(network, 1))));
  writeFileSync(
    path.join(folder, "cell.png"),
    await encodePng(phantomField({ className: "Parabasal", seed: 1, index: 0, size: 128 })),
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(programs, { recursive: true, force: true });
});

test("the page has an example under each of its headings", () => {
  expect(examples.map(({ title }) => title)).toEqual([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title));
});

test.each(examples)("docs/library.md: $title", async ({ title, code, output }) => {
  const file = path.join(programs, `${title!.replace(/\W+/g, "-")}.mjs`);
  writeFileSync(file, code!);
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    cwd: folder,
    env: { ...process.env, XDG_CACHE_HOME: folder },
  });
  expect(stdout).toBe(output);
});
