import type { Target } from "../../lib/attribution/gradient-function";
import { UserError } from "../../lib/contract/errors";
import type { MethodChoice } from "../../lib/contract/methods";
import { explain, type TargetChoice } from "../../lib/explaining/explain";
import { imageFor, type ClassifierImage } from "../../lib/explaining/image-for-model";
import { encodePng } from "../../lib/imaging/drawing/overlay";
import type { Classifier } from "../../lib/inference/classifier";
import { loadModel } from "../../lib/inference/load-model";
import { networkNamed } from "../../lib/networks/catalogue";
import { initializeWeights } from "../../lib/networks/initialize";
import { writeModel } from "../../lib/onnx/write-model";
import { phantomField } from "../../lib/phantom/phantom";

let model: Classifier;
let image: ClassifierImage;
let predicted: number;
beforeAll(async () => {
  const network = networkNamed("densenet121-mini", { classes: 3, size: 64 });
  const bytes = writeModel(network.build(initializeWeights(network, 1)));
  model = await loadModel(bytes, { classNames: ["calm", "busy", "odd"], cacheFolder: null });
  image = await imageFor(model, await encodePng(phantomField({ className: "Parabasal", seed: 1, index: 0, size: 96 })));
  predicted = (await model.predict([image.tensor]))[0]!.classIndex;
});
afterAll(() => model.close());

test.each<[string, TargetChoice | undefined, () => { classIndex: number; of: string }]>([
  ["nothing", undefined, () => ({ classIndex: predicted, of: "logit" })],
  ["an index", 2, () => ({ classIndex: 2, of: "logit" })],
  ["a name", "busy", () => ({ classIndex: 1, of: "logit" })],
  ["an index and its probability", { classIndex: 0, of: "probability" }, () => ({ classIndex: 0, of: "probability" })],
  ["an index in an object", { classIndex: 0 }, () => ({ classIndex: 0, of: "logit" })],
  ["the probability alone", { of: "probability" }, () => ({ classIndex: predicted, of: "probability" })],
])("%s as target", async (_name, target, expected) => {
  const { target: explained, map } = await explain(model, image, { method: "gradient", target });
  const { classIndex, of } = expected();
  expect(explained).toEqual({ classIndex, of, className: ["calm", "busy", "odd"][classIndex] });
  const { gradients } = await model.gradient({ classIndex, of: of as "logit" })([image.tensor]);
  const pixels = map.length;
  const slopes = gradients[0]!;
  expect(map[100]).toBeCloseTo(slopes[100]! + slopes[100 + pixels]! + slopes[100 + 2 * pixels]!, 6);
});

test("a method's name is the method with its defaults, and the answer says which they were", async () => {
  const settings = { name: "integrated-gradients", steps: 2, baseline: "white", seed: 0 } as const;
  const named = await explain(model, image, { method: { name: "integrated-gradients", steps: 2 } });
  expect(named.method).toEqual(settings);
  expect(named.map).toEqual((await explain(model, image, { method: settings })).map);
  expect((await explain(model, image, { method: "grad-cam" })).method).toEqual({ name: "grad-cam" });
});

test("the study's integrated gradients explain the probability, and say so", async () => {
  const asked: Target[] = [];
  const single: Parameters<typeof explain>[0] = {
    input: { name: "x", channels: 1, height: 1, width: 1, layout: "NCHW" },
    classNames: ["calm", "busy", "odd"],
    card: undefined,
    predict: async () => [],
    segmentGradient: () => Promise.reject,
    layerGradient: () => Promise.reject,
    gradient: (target) => {
      asked.push(target);
      return async (points) => ({
        values: Float64Array.from(points, ([x = 0]) => x * x),
        gradients: points.map(([x = 0]) => Float32Array.of(2 * x)),
      });
    },
  };
  const method = { name: "integrated-gradients", steps: "study" } as const;
  const { target } = await explain(single, { tensor: Float32Array.of(2) }, { method, target: "odd" });
  expect(target).toEqual({ classIndex: 2, of: "probability", className: "odd" });
  expect(asked).toEqual([{ classIndex: 2, of: "probability" }]);
});

test("a tensor alone is enough: dims and normalisation are the model's", async () => {
  const method = { name: "integrated-gradients", steps: 2 } as const;
  const bare = await explain(model, { tensor: image.tensor }, { method, target: 0 });
  expect(bare.map).toEqual((await explain(model, image, { method, target: 0 })).map);
});

const methodNames = "gradient, input-x-gradient, integrated-gradients, grad-cam, guided-backprop, guided-grad-cam";

test.each<[string, MethodChoice, TargetChoice, string, string]>([
  [
    "a method that does not exist",
    "gradcam" as MethodChoice,
    0,
    `Unknown method "gradcam"; did you mean grad-cam? (received "gradcam")`,
    "settings.invalid",
  ],
  ["no method", {} as MethodChoice, 0, `Expected one of ${methodNames} (received nothing)`, "settings.invalid"],
  [
    "a parameter out of range",
    { name: "integrated-gradients", steps: 0 },
    0,
    "Cannot use the method: steps: ",
    "settings.invalid",
  ],
  ["a parameter of another method", { name: "gradient", steps: 3 } as MethodChoice, 0, '"steps"', "settings.invalid"],
  [
    "a class's name",
    "gradient",
    "bussy",
    `Expected one of the model's classes (calm, busy, odd) or an index below 3 for target but received "bussy"; the closest is "busy"`,
    "settings.unknown-class",
  ],
  ["an index too high", "gradient", 3, "but received 3", "settings.unknown-class"],
  ["an index in between", "gradient", { classIndex: 0.5 }, "but received 0.5", "settings.unknown-class"],
])("refuses %s", async (_name, method, target, sentence, code) => {
  const failure: unknown = await explain(model, image, { method, target }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(UserError);
  expect(failure).toMatchObject({ code, message: expect.stringContaining(sentence) });
});

test("refuses an image of another shape than the model's input", async () => {
  const turned = { tensor: new Float32Array(3 * 64 * 64), dims: [3, 32, 128] as const };
  await expect(explain(model, turned, { method: "gradient" })).rejects.toThrow(
    /Expected an image of \[3, 64, 64\], the model's input, but received 12288 values as \[3, 32, 128\]/,
  );
  await expect(explain(model, { tensor: new Float32Array(5) }, { method: "gradient" })).rejects.toMatchObject({
    code: "attribution.image-shape",
  });
});
