import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Result } from "../../lib/contract/result";
import type { Model } from "../../lib/onnx/model";
import { float32Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { drawImage } from "../local/small-bucket";
import { smallClassifier } from "../inference/small-classifier";
import { projectRoot } from "../reference";

let scratch: string;
const inside = (...names: string[]): string => path.join(scratch, ...names);

const softmax = smallClassifier(3, { nodes: [["Softmax", ["scores"], ["y"], { axis: 1 }]] });
const models: Record<string, Model> = {
  softmax,
  logit: smallClassifier(1, { nodes: [["Identity", ["scores"], ["y"]]] }),
  several: smallClassifier(3, { nodes: [["Sigmoid", ["scores"], ["y"]]] }),
  both: smallClassifier(3, { outputs: { flat: ["N", 4], y: ["N", 3] }, nodes: [["Identity", ["scores"], ["y"]]] }),
  quantised: smallClassifier(3, {
    before: [
      ["QuantizeLinear", ["image", "step", "middle"], ["whole"]],
      ["DequantizeLinear", ["whole", "step", "middle"], ["coarse"]],
    ],
    from: "coarse",
    nodes: [["Softmax", ["scores"], ["y"], { axis: 1 }]],
    initializers: { step: float32Tensor(0.05), middle: { dataType: "uint8", dims: [], data: Uint8Array.of(128) } },
  }),
  microsoft: ofMicrosoft(smallClassifier(3, { nodes: [["Gelu", ["scores"], ["y"]]] })),
};

/** onnxruntime's own domain, which its optimiser writes. */
function ofMicrosoft(model: Model): Model {
  for (const node of model.graph.nodes) if (node.operator === "Gelu") node.domain = "com.microsoft";
  model.opsets.set("com.microsoft", 1);
  return model;
}

beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), "cytolens-foreign-"));
  await Promise.all(
    Object.entries(models).map(([name, model]) => writeFile(inside(`${name}.onnx`), writeModel(model))),
  );
  for (const [name, number] of [
    ["normal/a.png", 1],
    ["abnormal/b.png", 2],
  ] as const) {
    await mkdir(path.dirname(inside("images", name)), { recursive: true });
    await writeFile(inside("images", name), await drawImage(number));
  }
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const cytolens = (...words: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(projectRoot, "dist/bin/cytolens.js"), ...words],
      { cwd: scratch, env: { ...process.env, CYTOLENS_CACHE: inside("cache"), XDG_CACHE_HOME: inside("cache") } },
      (error, out, err) => resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, out, err }),
    );
  });

async function resultsIn(bucket: string): Promise<Result[]> {
  const files = await readdir(inside(bucket), { recursive: true });
  return await Promise.all(
    files
      .filter((file) => file.endsWith("result.json"))
      .map(async (file) => JSON.parse(await readFile(inside(bucket, file), "utf8")) as Result),
  );
}

async function predictionExplained(target: string): Promise<Result["prediction"]> {
  const { code, out } = await cytolens(
    "explain",
    "logit.onnx",
    "images/normal/a.png",
    "--method",
    "gradient",
    "--target",
    target,
    "--json",
    "-o",
    "explained",
  );
  expect(code).toBe(0);
  return (JSON.parse(out) as { prediction: Result["prediction"] }).prediction;
}

describe("cytolens run with a model of one's own", () => {
  test("one logit: two classes by the names given, and no guess where nothing is guessed", async () => {
    const words = ["run", "images", "--out", "one", "--model", "logit.onnx", "--workers", "1", "--methods", "gradient"];
    const named = ["--classes", "normal,abnormal", "--labels", "folders"];
    const first = await cytolens(...words, ...named, "--mean", "0.5", "--std", "0.5");
    expect({ code: first.code, err: first.err }).toEqual({ code: 0, err: expect.not.stringContaining("note:") });
    const results = await resultsIn("one");
    expect(results).toHaveLength(2);
    for (const { prediction, warnings } of results) {
      expect(["normal", "abnormal"]).toContain(prediction.className);
      expect(prediction.logits[0]).toBeCloseTo(-prediction.logits[1]!, 5);
      expect(warnings).toEqual(["mpp unknown"]);
    }
    // Another normalisation is other work.
    const second = await cytolens(...words, ...named, "--mean", "0.1", "--std", "0.5");
    expect(second.code).toBe(0);
    const all = await resultsIn("one");
    expect(all).toHaveLength(4);
    expect(new Set(all.map(({ model }) => model.sha256)).size).toBe(2);
  }, 120_000);

  test("guesses are printed, stand beside every answer and head the report", async () => {
    const { code, err } = await cytolens(
      "run",
      "images",
      "--out",
      "guessed",
      "--model",
      "softmax.onnx",
      "--workers",
      "1",
    );
    expect(code).toBe(0);
    const guess = "normalisation is a guess (ImageNet's): say --mean and --std";
    expect(err).toContain(`note: ${guess}`);
    for (const { warnings } of await resultsIn("guessed")) expect(warnings).toContain(guess);
    const report = await readFile(inside("guessed/results/images/report.html"), "utf8");
    expect(report.slice(0, report.indexOf("<main>"))).toContain("normalisation is a guess");
  }, 120_000);

  test("several labels: every class above its threshold", async () => {
    const { code } = await cytolens(
      "run",
      "images",
      "--out",
      "several",
      "--model",
      "several.onnx",
      "--workers",
      "1",
      "--methods",
      "gradient",
      "--classes",
      "a,b,c",
      "--thresholds",
      "0.2,0.5,0.99",
      "--mean",
      "0.5",
      "--std",
      "0.5",
    );
    expect(code).toBe(0);
    for (const { prediction } of await resultsIn("several"))
      expect(prediction.present).toEqual(
        ["a", "b", "c"].filter((_, index) => prediction.probabilities[index]! >= [0.2, 0.5, 0.99][index]!),
      );
  }, 120_000);

  test("a quantised model classifies every image, and each answer says why it is not explained", async () => {
    const { code, out } = await cytolens(
      "run",
      "images",
      "--out",
      "quantised",
      "--model",
      "quantised.onnx",
      "--workers",
      "1",
      "--figure",
    );
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/2 of 2 images succeeded, 0 failed/) });
    const results = await resultsIn("quantised");
    expect(results).toHaveLength(2);
    for (const { explanations, warnings } of results) {
      expect(explanations.map(({ method }) => method)).not.toContain("integrated-gradients");
      expect(warnings).toContainEqual(
        expect.stringMatching(/^integrated-gradients is left out: .*QuantizeLinear.*quantised arithmetic/),
      );
    }
  }, 120_000);

  test.each<[string, string[], RegExp]>([
    [
      "names that are too few",
      ["--model", "softmax.onnx", "--classes", "a,b"],
      /Expected 3 class names .*\[model\.classes\]/,
    ],
    [
      "an output that is to be named",
      ["--model", "both.onnx"],
      /name one \(--output\).*\[autodiff\.ambiguous-output\]/,
    ],
    [
      "a head that the graph contradicts",
      ["--model", "softmax.onnx", "--head", "multi-label"],
      /ends in a Softmax.*\[model\.head\]/,
    ],
    ["flags for a model in the bucket", ["--model", "published", "--mean", "0.5"], /describe by flags.*"published"/],
    ["a standard deviation of 0", ["--model", "softmax.onnx", "--std", "0,0,0"], /Expected one number above 0/],
    ["a decimal comma", ["--model", "softmax.onnx", "--mean", "0,5"], /a fraction is written with a point: 0\.5/],
  ])(
    "%s: stops before the first image, with 2",
    async (_what, words, message) => {
      const { code, err } = await cytolens("run", "images", "--out", "refused", ...words);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(message) });
      expect(err).not.toMatch(/copied into|images succeeded|\n\s+at |ZodError/);
      await mkdir(inside("refused"), { recursive: true });
      expect(await resultsIn("refused")).toEqual([]);
    },
    60_000,
  );
});

describe("cytolens explain, evaluate, model and differentiate with a model of one's own", () => {
  test("onnxruntime's own operators: the class is told, and why there is no explanation", async () => {
    const { code, out } = await cytolens("explain", "microsoft.onnx", "images/normal/a.png", "-o", "explained");
    expect(code).toBe(2);
    expect(out).toMatch(/^class \d: probability 0\.\d{3}\n/);
    expect(out).toMatch(/note: integrated-gradients is left out: .*com\.microsoft/);
    expect(out).not.toContain("Picture:");
  });

  test("both classes of one logit can be asked for", async () => {
    const prediction = await predictionExplained("negative");
    expect(await predictionExplained("positive")).toEqual(prediction);
    expect(prediction.probabilities[0]! + prediction.probabilities[1]!).toBeCloseTo(1, 6);
  });

  test("evaluate takes the same flags", async () => {
    const { code, out, err } = await cytolens(
      "evaluate",
      "logit.onnx",
      "images",
      "--classes",
      "normal,abnormal",
      "--mean",
      "0.5",
      "--std",
      "0.5",
      "--json",
    );
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(out)).toMatchObject({ classes: ["normal", "abnormal"], samples: 2, guesses: [] });
    const guessed = await cytolens("evaluate", "logit.onnx", "images", "--classes", "normal,abnormal");
    expect(guessed.err).toContain("note: normalisation is a guess");
  });

  test("import shows where each value comes from, and what it writes is taken by the others", async () => {
    const imported = await cytolens(
      "model",
      "import",
      "several.onnx",
      "--classes",
      "a,b,c",
      "--thresholds",
      "0.4",
      "--mpp",
      "0.25",
      "--severity",
      "a,c",
      "-o",
      "models/several",
    );
    expect(imported).toMatchObject({ code: 0, err: "" });
    expect(imported.out).toMatch(/classes +a, b, c {2}\(given: --classes\)/);
    expect(imported.out).toMatch(/head +multi-label {2}\(read: "y" is the Sigmoid of "scores"/);
    expect(imported.out).toMatch(/size +8 × 8 pixels {2}\(read: the graph\)/);
    expect(imported.out).toMatch(/normalisation +.*\(normalisation is a guess \(ImageNet's\)/);
    const inspected = await cytolens("model", "inspect", "models/several", "--json");
    expect(JSON.parse(inspected.out)).toMatchObject({
      classifier: { head: "multi-label", output: "y", logits: "scores", classes: 3 },
      card: { classes: ["a", "b", "c"], head: "multi-label", thresholds: [0.4], severity: ["a", "c"], mpp: 0.25 },
    });
    const explained = await cytolens(
      "explain",
      "models/several",
      "images/normal/a.png",
      "--method",
      "gradient",
      "-o",
      "explained",
    );
    expect(explained.code).toBe(0);
    expect(explained.out).toMatch(/^present: /m);
  });

  test("inspect says of every model what explain does with it", async () => {
    const heads = await Promise.all(
      ["softmax", "logit", "several"].map(async (name) =>
        JSON.parse((await cytolens("model", "inspect", `${name}.onnx`, "--json")).out),
      ),
    );
    expect(heads.map(({ classifier }) => [classifier.head, classifier.classes])).toEqual([
      ["softmax", 3],
      ["sigmoid", 2],
      ["multi-label", 3],
    ]);
    expect((await cytolens("model", "inspect", "both.onnx")).out).toMatch(/classifier {2}no: .*--output/);
    expect((await cytolens("model", "inspect", "both.onnx", "--output", "y")).out).toMatch(/head +softmax: /);
  });

  test("weights without a network, or with flags of graphs, are refused", async () => {
    await writeFile(inside("w.safetensors"), Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]));
    const bare = await cytolens("model", "import", "w.safetensors", "-o", "models/w");
    expect(bare).toMatchObject({ code: 2, err: expect.stringMatching(/Expected --network .* and --classes/) });
    const headed = await cytolens(
      "model",
      "import",
      "w.safetensors",
      "-o",
      "models/w",
      "--network",
      "resnet50-mini",
      "--classes",
      "a,b",
      "--head",
      "sigmoid",
    );
    expect(headed).toMatchObject({ code: 2, err: expect.stringMatching(/--head, which is for ONNX files/) });
  });
});
