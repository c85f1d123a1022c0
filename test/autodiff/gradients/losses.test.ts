import { differentiate } from "../../../lib/autodiff/differentiate";
import { float32Tensor, int64Tensor } from "../../../lib/onnx/tensor";
import type { AttributeValue } from "../../../lib/onnx/attributes";
import { buildModel, type NodeSketch } from "../build-model";
import { expectClose, numbersOf, runModel, tensorOf } from "../run-model";

const logits = float32Tensor([0.2, -1, 0.7, 1.5, 0.1, -0.4, 0.9, -0.3, 0.6, -2, 0.4, 1.1], [4, 3]);
const targets = int64Tensor([2, 0, 1, 0]);
const weights = [0.5, 2, 1.25];

/** (softmax − one-hot), each row times the factor of its target. */
function crossEntropyGradient(factors: readonly number[]): number[] {
  const values = [...numbersOf(logits)];
  return factors.flatMap((factor, row) => {
    const exponentials = values.slice(3 * row, 3 * row + 3).map(Math.exp);
    const total = exponentials.reduce((sum, value) => sum + value);
    return exponentials.map((value, column) => factor * (value / total - Number(column === Number(targets.data[row]))));
  });
}

async function gradientOf(
  nodes: readonly NodeSketch[],
  lossShape: readonly number[],
  cotangent: readonly number[],
): Promise<Record<string, unknown>> {
  const model = buildModel({
    inputs: { x: [4, 3] },
    outputs: { loss: lossShape },
    nodes,
    initializers: { targets, weights: float32Tensor(weights) },
  });
  return runModel(differentiate(model), { x: logits, d_loss: float32Tensor(cotangent, lossShape) });
}

const cases: readonly [string, Record<string, AttributeValue>, boolean, readonly number[], readonly number[]][] = [
  ["mean", {}, false, [], [0.25, 0.25, 0.25, 0.25]],
  ["sum", { reduction: "sum" }, false, [], [1, 1, 1, 1]],
  ["none", { reduction: "none" }, false, [4], [1, -2, 0.5, 3]],
  ["weighted mean", {}, true, [], [1.25 / 4.25, 0.5 / 4.25, 2 / 4.25, 0.5 / 4.25]],
  ["mean without class 0", { ignore_index: 0 }, false, [], [0.5, 0, 0.5, 0]],
  ["weighted sum without class 1", { reduction: "sum", ignore_index: 1 }, true, [], [1.25, 0.5, 0, 0.5]],
];

describe.each(cases)("cross-entropy, %s", (_name, attributes, weighted, shape, factors) => {
  const cotangent = shape.length ? factors : [1];
  const want = float32Tensor(crossEntropyGradient(factors), [4, 3]);
  const extra = weighted ? ["targets", "weights"] : ["targets"];

  test("from logits", async () => {
    const got = await gradientOf(
      [["SoftmaxCrossEntropyLoss", ["x", ...extra], ["loss"], attributes]],
      shape,
      cotangent,
    );
    expectClose("d_x", got["d_x"] as never, want, 1e-6);
  });

  test("from log-probabilities", async () => {
    const got = await gradientOf(
      [
        ["LogSoftmax", ["x"], ["p"], { axis: 1 }],
        ["NegativeLogLikelihoodLoss", ["p", ...extra], ["loss"], attributes],
      ],
      shape,
      cotangent,
    );
    expectClose("d_x", got["d_x"] as never, want, 1e-6);
  });
});

test.each<[string, Record<string, AttributeValue>]>([
  ["sum", { reduction: "sum" }],
  ["mean", {}],
  ["mean without class 0", { ignore_index: 0 }],
])("the classes' weights have a gradient, too: %s", async (_name, attributes) => {
  const model = buildModel({
    inputs: { x: [4, 3], w: [3] },
    outputs: { loss: [] },
    types: { x: "float64", w: "float64", loss: "float64" },
    initializers: { targets },
    nodes: [["SoftmaxCrossEntropyLoss", ["x", "targets", "w"], ["loss"], attributes]],
  });
  const x = tensorOf("float64", [4, 3], [...numbersOf(logits)]);
  const lossAt = async (w: readonly number[]): Promise<number> =>
    numbersOf((await runModel(model, { x, w: tensorOf("float64", [3], w) }))["loss"]!)[0]!;
  const differences = await Promise.all(
    weights.map(
      async (weight, index) =>
        ((await lossAt(weights.with(index, weight + 1e-5))) - (await lossAt(weights.with(index, weight - 1e-5)))) /
        2e-5,
    ),
  );
  const got = await runModel(differentiate(model), {
    x,
    w: tensorOf("float64", [3], weights),
    d_loss: tensorOf("float64", [], [1]),
  });
  expectClose("d_w", got["d_w"], tensorOf("float64", [3], differences), 1e-8);
});

test("the log-probabilities of a cross-entropy have a gradient of their own", async () => {
  const model = buildModel({
    inputs: { x: [4, 3] },
    outputs: { loss: [], p: [4, 3] },
    initializers: { targets },
    nodes: [["SoftmaxCrossEntropyLoss", ["x", "targets"], ["loss", "p"]]],
  });
  const reference = buildModel({
    inputs: { x: [4, 3] },
    outputs: { p: [4, 3] },
    nodes: [["LogSoftmax", ["x"], ["p"], { axis: 1 }]],
  });
  const d_p = float32Tensor([1, 0, -1, 2, 0.5, 0, 0, 0, 1, -1, 1, 3], [4, 3]);
  const got = await runModel(differentiate(model), { x: logits, d_loss: float32Tensor(0), d_p });
  expectClose("d_x", got["d_x"], (await runModel(differentiate(reference), { x: logits, d_p }))["d_x"]!, 1e-6);
});

test("a cut or padding around the centre goes back where it came from", async () => {
  const model = buildModel({
    inputs: { x: [2, 5] },
    outputs: { y: [4, 2] },
    initializers: { shape: int64Tensor([4, 2]) },
    nodes: [["CenterCropPad", ["x", "shape"], ["y"]]],
  });
  const x = float32Tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [2, 5]);
  const got = await runModel(differentiate(model), { x, d_y: float32Tensor([9, 9, 1, 2, 3, 4, 9, 9], [4, 2]) });
  expectClose("y", got["y"], float32Tensor([0, 0, 2, 3, 7, 8, 0, 0], [4, 2]), 0);
  expectClose("d_x", got["d_x"], float32Tensor([0, 1, 2, 0, 0, 0, 3, 4, 0, 0], [2, 5]), 0);
});
