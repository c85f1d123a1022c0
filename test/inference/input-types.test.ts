import { imageFor } from "../../lib/explaining/image-for-model";
import type { Classifier } from "../../lib/inference/classifier";
import { loadModel } from "../../lib/inference/load-model";
import type { Model } from "../../lib/onnx/model";
import { float16Bits, fromFloat16Bits } from "../../lib/onnx/scalar";
import { float32Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { maxRelative } from "../fingerprint";
import { drawImage } from "../local/small-bucket";
import { side, smallClassifier, smallImage, type Tail } from "./small-classifier";

const softmax: Tail["nodes"] = [["Softmax", ["scores"], ["y"], { axis: 1 }]];
const plain = smallClassifier(3, { nodes: softmax });
const open = (model: Model, options = {}): Promise<Classifier> =>
  loadModel(writeModel(model), { cacheFolder: null, ...options });

/** Logits and the gradient of the first one's logit. */
async function answersOf(model: Model, image: Float32Array): Promise<{ logits: number[]; gradient: Float32Array }> {
  const classifier = await open(model);
  const [said] = await classifier.predict([image]);
  const { gradients } = await classifier.gradient({ classIndex: 0, of: "logit" })([image]);
  await classifier.close();
  return { logits: [...said!.logits], gradient: gradients[0]! };
}

/** The same network in half precision, and what its weights are then. */
function inHalves(model: Model): { halves: Model; rounded: Model } {
  const rounded = new Map(
    [...model.graph.initializers].map(([name, { dims, data }]) => [
      name,
      float32Tensor(
        Float32Array.from(data as Float32Array, (value) => fromFloat16Bits(float16Bits(value))),
        dims,
      ),
    ]),
  );
  const halves = new Map(
    [...model.graph.initializers].map(([name, { dims, data }]) => [
      name,
      { dataType: "float16" as const, dims, data: Uint16Array.from(data as Float32Array, float16Bits) },
    ]),
  );
  const typed = smallClassifier(3, { nodes: softmax, types: { image: "float16", y: "float16" } });
  return {
    halves: { ...typed, graph: { ...typed.graph, initializers: halves } },
    rounded: { ...model, graph: { ...model.graph, initializers: rounded } },
  };
}

test("a half-precision model answers and is explained as one of the same weights in float32", async () => {
  const { halves, rounded } = inHalves(plain);
  const [got, wanted] = [await answersOf(halves, smallImage(1)), await answersOf(rounded, smallImage(1))];
  expect(got.logits).toEqual(wanted.logits);
  expect(got.gradient).toEqual(wanted.gradient);
});

test("a model that takes and gives float64 answers and is explained like one of float32", async () => {
  const double = smallClassifier(3, {
    types: { image: "float64", y: "float64" },
    before: [["Cast", ["image"], ["single"], { to: 1 }]],
    from: "single",
    nodes: [
      ["Softmax", ["scores"], ["p"], { axis: 1 }],
      ["Cast", ["p"], ["y"], { to: 11 }],
    ],
  });
  const [got, wanted] = [await answersOf(double, smallImage(1)), await answersOf(plain, smallImage(1))];
  expect(maxRelative(got.logits, wanted.logits)).toBeLessThan(1e-6);
  expect(maxRelative(got.gradient, wanted.gradient)).toBeLessThan(1e-6);
});

describe("a model of whole pixels, channels last, with its preprocessing inside", () => {
  const whole = smallClassifier(3, {
    inputs: { image: ["N", side, side, 3] },
    types: { image: "uint8" },
    before: [
      ["Cast", ["image"], ["floats"], { to: 1 }],
      ["Transpose", ["floats"], ["planes"], { perm: [0, 3, 1, 2] }],
      ["Div", ["planes", "most"], ["shares"]],
    ],
    from: "shares",
    nodes: softmax,
    initializers: { most: float32Tensor(255) },
  });

  test("gets the pixels as they are, and its gradient is that of the float behind the cast", async () => {
    const classifier = await open(whole);
    expect(classifier.input).toMatchObject({ layout: "NHWC", channels: 3, height: side, width: side });
    const { tensor, normalisation } = await imageFor(classifier, await drawImage(2));
    expect(normalisation).toMatchObject({ scale: 1, mean: [0], std: [1] });
    expect(Math.max(...tensor)).toBeGreaterThan(100);
    expect(tensor.every(Number.isInteger)).toBe(true);
    await classifier.close();
    const [got, wanted] = [
      await answersOf(whole, tensor),
      await answersOf(
        plain,
        tensor.map((value) => value / 255),
      ),
    ];
    expect(maxRelative(got.logits, wanted.logits)).toBeLessThan(1e-5);
    expect(
      maxRelative(
        got.gradient,
        wanted.gradient.map((value) => value / 255),
      ),
    ).toBeLessThan(1e-5);
  });

  test("a card that would normalise the pixels first is refused", async () => {
    const card = { input: { scale: 1 / 255, mean: [0.5], std: [0.5] }, classes: ["a", "b", "c"] };
    await expect(open(whole, { card })).rejects.toMatchObject({
      code: "model.card",
      message: expect.stringContaining("to say scale 1, mean 0 and std 1"),
    });
  });

  test("one that computes with whole numbers classifies, and its gradient is refused with the reason", async () => {
    const counting = smallClassifier(3, {
      types: { image: "uint8" },
      before: [
        ["BitShift", ["image", "one"], ["halved"], { direction: "RIGHT" }],
        ["Cast", ["halved"], ["floats"], { to: 1 }],
      ],
      from: "floats",
      nodes: softmax,
      initializers: { one: { dataType: "uint8", dims: [], data: Uint8Array.of(1) } },
    });
    const classifier = await open(counting);
    const pixels = Float32Array.from({ length: 3 * side * side }, (_, index) => (index * 37) % 256);
    const [said] = await classifier.predict([pixels]);
    const wanted = await answersOf(
      plain,
      pixels.map((value) => Math.floor(value / 2)),
    );
    expect(maxRelative(said!.logits, wanted.logits)).toBeLessThan(1e-5);
    await expect(classifier.gradient({ classIndex: 0, of: "logit" })([pixels])).rejects.toMatchObject({
      code: "autodiff.no-gradient",
    });
    await classifier.close();
  });
});
