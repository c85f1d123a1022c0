import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { encodePng } from "../../lib/imaging/drawing/overlay";
import { initializeWeights } from "../../lib/networks/initialize";
import { networkNamed } from "../../lib/networks/catalogue";
import { writeModel } from "../../lib/onnx/write-model";
import { phantomField } from "../../lib/phantom/phantom";
import { projectRoot } from "../reference";

const run = promisify(execFile);
let scratch: string;
let programs: string;

beforeAll(async () => {
  scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-telemetry-"));
  // Within the package, so that "cytolens" and "onnxruntime-node" are the ones under test.
  programs = path.join(projectRoot, "dist", "test", "telemetry-programs");
  mkdirSync(programs, { recursive: true });
  const network = networkNamed("densenet121-mini", { classes: 3, size: 64 });
  writeFileSync(path.join(scratch, "model.onnx"), writeModel(network.build(initializeWeights(network, 1))));
  writeFileSync(
    path.join(scratch, "cell.png"),
    await encodePng(phantomField({ className: "Parabasal", seed: 1, index: 0, size: 128 })),
  );
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  rmSync(programs, { recursive: true, force: true });
});

/** What the tests set, what moves the files elsewhere, and the marks of build servers, on which onnxruntime keeps quiet by itself. */
const quieting =
  /^(ORT_DISABLE_TELEMETRY|XDG_CACHE_HOME|XDG_DATA_HOME|CI|CONTINUOUS_INTEGRATION|TF_BUILD|GITHUB_\w+|GITLAB_\w+|JENKINS_\w+|BUILD_\w+|TRAVIS|CIRCLECI)$/;

/** Runs Node with an empty home and without what would quieten it; answers what the run left in that home. */
async function leftInHome(name: string, words: readonly string[]): Promise<string[]> {
  const home = path.join(scratch, name);
  mkdirSync(home);
  const surroundings = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !quieting.test(variable)));
  await run(process.execPath, words, { cwd: scratch, env: { ...surroundings, HOME: home, USERPROFILE: home } });
  return readdirSync(home, { recursive: true, encoding: "utf8" }).filter(
    (file) => !/^\.cache([\\/]cytolens([\\/]|$)|$)/.test(file),
  );
}

function program(name: string, code: string): string {
  const file = path.join(programs, name);
  writeFileSync(file, code);
  return file;
}

test("the command line leaves no trace of telemetry", async () => {
  expect(
    await leftInHome("command", [
      path.join(projectRoot, "dist/bin/cytolens.js"),
      "explain",
      "model.onnx",
      "cell.png",
      "--method",
      "grad-cam",
      "--out",
      "explained",
    ]),
  ).toEqual([]);
});

test("nor does a program that uses the library", async () => {
  const file = program(
    "library.mjs",
    `
    import { loadModel, imageFor } from "cytolens";
    const model = await loadModel("model.onnx");
    const [prediction] = await model.predict([(await imageFor(model, "cell.png")).tensor]);
    if (prediction.probabilities.length !== 3) throw new Error("no prediction");
    await model.close();`,
  );
  expect(await leftInHome("library", [file])).toEqual([]);
});

test("nor does the whole pipeline with its worker processes", async () => {
  expect(
    await leftInHome("pipeline", [
      path.join(projectRoot, "dist/bin/cytolens.js"),
      "run",
      "cell.png",
      "--model",
      "model.onnx",
      "--methods",
      "grad-cam",
      "--out",
      "bucket",
    ]),
  ).toEqual([]);
});

// The tests above can fail: onnxruntime's own builds for Linux do leave a device's id and a database behind when nobody stops them.
(process.platform === "linux" && process.arch === "x64" ? test : test.skip)(
  "onnxruntime by itself does leave a trace here",
  async () => {
    const file = program(
      "bare.cjs",
      `
    const { InferenceSession } = require("onnxruntime-node");
    InferenceSession.create("model.onnx").then((session) => session.release());`,
    );
    expect((await leftInHome("bare", [file])).filter((name) => name.includes("Microsoft"))).not.toEqual([]);
  },
);
