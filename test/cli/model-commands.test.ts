import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Session } from "../../lib/inference/session";
import { networkNamed } from "../../lib/networks/catalogue";
import { initializeWeights } from "../../lib/networks/initialize";
import { writeSafetensors } from "../../lib/networks/safetensors";
import { float32Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { phantomField } from "../../lib/phantom/phantom";
import { encodePng } from "../../lib/imaging/drawing/overlay";
import { call, dictionary, named, orderedDictionary, tuple } from "../checkpoints/pickler";
import { storage, tensor, torchZip } from "../checkpoints/torch-save";
import { projectRoot } from "../reference";

let folder: string;
let model: string;
let image: string;

function cytolens(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(projectRoot, "dist/bin/cytolens.js"), ...words],
      { cwd: folder, env: { ...process.env, XDG_CACHE_HOME: folder } },
      (error, stdout, stderr) => resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "cytolens-cli-"));
  const network = networkNamed("densenet121-rca-mini", { classes: 3, size: 64 });
  const weights = initializeWeights(network, 5);
  [model, image] = [path.join(folder, "model.onnx"), path.join(folder, "field.png")];
  await writeFile(model, writeModel(network.build(weights)));
  await writeFile(path.join(folder, "weights.safetensors"), writeSafetensors(weights));
  await writeFile(image, await encodePng(phantomField({ className: "Koilocytotic", seed: 3, index: 0, size: 96 })));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("cytolens explain", () => {
  test("writes one picture and one JSON and says how far to trust it", async () => {
    const { code, stdout } = await cytolens(
      "explain",
      model,
      image,
      "--method",
      "integrated-gradients",
      "--class-names",
      "a,b,c",
      "-o",
      "out",
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^[abc]: probability 0\.\d{3}\nintegrated-gradients of the logit of [abc]: (20|56) passes, adds up to 0\.\d\d %, changed by/,
    );
    const json = JSON.parse(await readFile(path.join(folder, "out/field.integrated-gradients.json"), "utf8"));
    expect(json.prediction.probabilities).toHaveLength(3);
    expect(json.explanations[0]).toMatchObject({
      method: "integrated-gradients",
      parameters: { steps: "adaptive", baseline: "white" },
    });
    expect((await readFile(path.join(folder, "out/field.integrated-gradients.png"))).subarray(1, 4).toString()).toBe(
      "PNG",
    );
  });

  test("takes the class, the layer and the output that are asked for", async () => {
    const { code, stdout } = await cytolens(
      "explain",
      model,
      image,
      "--method",
      "grad-cam",
      "--target",
      "2",
      "--of",
      "probability",
      "--json",
      "-o",
      "out",
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout).target).toEqual({ classIndex: 2, className: "class 2", of: "probability" });
  });

  test.each([
    ["a model that is not there", ["explain", "none.onnx", "field.png"], 2, /model\.not-found/],
    ["an image that is not there", ["explain", "model.onnx", "none.png"], 2, /file\.unreadable/],
    ["an image that is none", ["explain", "model.onnx", "weights.safetensors"], 1, /\[image\./],
    ["a class out of range", ["explain", "model.onnx", "field.png", "--target", "3"], 2, /\[settings\.unknown-class\]/],
    [
      "too few class names",
      ["explain", "model.onnx", "field.png", "--class-names", "a,b"],
      2,
      /Expected 3 class names .* received 2/,
    ],
    [
      "a layer that does not exist, with candidates",
      ["explain", "model.onnx", "field.png", "--method", "grad-cam", "--layer", "features.norm6"],
      2,
      /features\.norm5/,
    ],
    [
      "an unknown method",
      ["explain", "model.onnx", "field.png", "--method", "magic"],
      2,
      /Unknown method "magic"; expected one of gradient, /,
    ],
    ["steps that are no number", ["explain", "model.onnx", "field.png", "--steps", "many"], 2, /steps/],
    [
      "a device that is missing",
      ["explain", "model.onnx", "field.png", "--provider", "cuda"],
      3,
      /provider\.unavailable/,
    ],
  ])("refuses %s", async (_what, words, wanted, message) => {
    const { code, stderr } = await cytolens(...words);
    expect({ code, stderr }).toEqual({ code: wanted, stderr: expect.stringMatching(message) });
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe("cytolens differentiate", () => {
  test("writes a graph that onnxruntime runs, with the inputs and outputs that were promised", async () => {
    const { code, stdout } = await cytolens("differentiate", model, "-o", "grad.onnx");
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /input {3}d_logits: float32 \[batch, 3\]\n {2}output {2}d_input: float32 \[batch, 3, 64, 64\]/,
      ),
    });
    const session = await Session.open(await readFile(path.join(folder, "grad.onnx")));
    const outputs = await session.run({
      input: float32Tensor(
        new Float32Array(2 * 3 * 64 * 64).map((_, index) => Math.sin(index)),
        [2, 3, 64, 64],
      ),
      d_logits: float32Tensor([1, 0, 0, 0, 1, 0], [2, 3]),
    });
    await session.close();
    expect([...outputs.keys()]).toEqual(["logits", "d_input"]);
    expect(outputs.get("d_input")!.dims).toEqual([2, 3, 64, 64]);
  });

  test("takes any outputs, values and rule, and refuses names that do not exist", async () => {
    const written = await cytolens(
      "differentiate",
      model,
      "-o",
      "layer.onnx",
      "--wrt",
      "features.norm5",
      "classifier.1.weight",
      "--rule",
      "guided",
      "--json",
    );
    expect(JSON.parse(written.stdout).outputs.map(({ name }: { name: string }) => name)).toEqual([
      "d_features.norm5",
      "d_classifier.1.weight",
    ]);
    const refused = await cytolens("differentiate", model, "-o", "none.onnx", "--wrt", "features.norm55");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/features\.norm5.*\[autodiff\.unknown-name\]/);
  });
});

describe("cytolens model", () => {
  test("imports weights by name into a folder that the other commands take", async () => {
    const imported = await cytolens(
      "model",
      "import",
      "weights.safetensors",
      "--network",
      "densenet121-rca-mini",
      "--classes",
      "a,b,c",
      "--size",
      "64",
      "-o",
      "models/mine",
    );
    expect(imported).toMatchObject({ code: 0, stderr: "" });
    const inspected = JSON.parse((await cytolens("model", "inspect", "models/mine", "--json")).stdout);
    expect(inspected.card.classes).toEqual(["a", "b", "c"]);
    expect(inspected.classifier).toMatchObject({ input: "input", logits: "logits", featureLayer: "features.relu5" });
    expect((await cytolens("model", "list", "models")).stdout).toMatch(/^densenet121-rca-mini /);
    const wrong = await cytolens(
      "model",
      "import",
      "weights.safetensors",
      "--network",
      "resnet50-mini",
      "--classes",
      "a,b,c",
      "-o",
      "models/wrong",
    );
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/\[weights\./);
  });

  test("imports a PyTorch checkpoint, and refuses one that would run code", async () => {
    const weights = initializeWeights(networkNamed("densenet121-rca-mini", { classes: 3, size: 64 }), 5);
    const entries = [...weights].map(([name, { data, dims }], index) => {
      const of = storage(`${index}`, "FloatStorage", data as Float32Array);
      return { name: `module.${name}`, of, value: tensor(of, { size: dims }) };
    });
    const state = orderedDictionary(Object.fromEntries(entries.map(({ name, value }) => [name, value])));
    const stored = entries.map(({ of }) => of);
    await writeFile(path.join(folder, "weights.pth"), torchZip(dictionary({ epoch: 1, model: state }), stored));
    const flags = ["--network", "densenet121-rca-mini", "--classes", "a,b,c", "--size", "64", "-o", "models/from-pth"];
    const imported = await cytolens("model", "import", "weights.pth", ...flags);
    expect(imported).toEqual({
      code: 0,
      stderr: "",
      stdout: expect.stringMatching(
        /^The weights are those under model\n"module\." is taken off all names\nmodels\/from-pth: /,
      ),
    });
    const digest = async (place: string) =>
      (await readFile(path.join(folder, place, "model.onnx.sha256"), "utf8")).trim();
    expect(await digest("models/from-pth")).toBe(await digest("models/mine"));

    const harm = call(named("os", "system"), tuple("echo harm"));
    await writeFile(path.join(folder, "harm.pth"), torchZip(dictionary({ model: state, harm }), stored));
    const refused = await cytolens("model", "import", "harm.pth", ...flags);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/os\.system.*Nothing was executed.*\[checkpoint\.global\]/);
  });

  test("says what a model is", async () => {
    const { stdout } = await cytolens("model", "inspect", model);
    expect(stdout).toMatch(/input {7}input: float32 \[batch, 3, 64, 64\]/);
    expect(stdout).toMatch(/every operator has one/);
  });
});
