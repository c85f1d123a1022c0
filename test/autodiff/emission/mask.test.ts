import { differentiate } from "../../../lib/autodiff/differentiate";
import { isMask } from "../../../lib/autodiff/emission/mask";
import { recomputeActivations } from "../../../lib/autodiff/passes/training/recompute-activations";
import { scaleInWeights } from "../../../lib/autodiff/passes/training/scale-in-weights";
import { float } from "../../../lib/onnx/attributes";
import type { Model } from "../../../lib/onnx/model";
import { readModel } from "../../../lib/onnx/read-model";
import { specialize } from "../../../lib/onnx/specialize";
import { writeModel } from "../../../lib/onnx/write-model";
import { buildModel, type ModelSketch, type NodeSketch } from "../build-model";

const hardSigmoid = (alpha: number | undefined, input: string, output: string): NodeSketch => [
  "HardSigmoid",
  [input],
  [output],
  alpha === undefined ? {} : { alpha: float(alpha), beta: float(0) },
];
const masksOf = (model: Model): string[] => model.graph.nodes.filter(isMask).flatMap(({ inputs }) => inputs);
const typed = (sketch: ModelSketch): Model =>
  specialize(buildModel(sketch), Object.fromEntries(Object.entries(sketch.inputs)) as Record<string, number[]>);
const operators = (model: Model): string[] => model.graph.nodes.map(({ operator }) => operator);

test.each(["true", "guided"] as const)("the %s rule of Relu emits one mask, which reads the Relu's output", (rules) => {
  const relu = buildModel({ inputs: { x: [4] }, outputs: { y: [4] }, nodes: [["Relu", ["x"], ["y"]]] });
  expect(masksOf(differentiate(relu, { rules }))).toEqual(["y"]);
});

test.each([undefined, 0.2, 0.5, 1e38, 3.4e38, 3e38])("a model's own HardSigmoid of slope %p is no mask", (alpha) => {
  const model = readModel(
    writeModel(
      buildModel({
        inputs: { x: [4] },
        outputs: { y: [4] },
        nodes: [["Relu", ["x"], ["h"]], hardSigmoid(alpha, "h", "y")],
      }),
    ),
  );
  expect(masksOf(model)).toEqual([]);
  expect(masksOf(differentiate(model))).toEqual(["h"]);
  expect(operators(differentiate(model)).filter((operator) => operator === "HardSigmoid")).toHaveLength(2);
});

test("an operator of that name from another domain is no mask", () => {
  const attributes = { alpha: float(3e38), beta: float(0) };
  const node = { name: "", operator: "HardSigmoid", domain: "", inputs: ["x"], outputs: ["y"], attributes };
  expect([isMask(node), isMask({ ...node, domain: "com.example" }), isMask(undefined)]).toEqual([true, false, false]);
});

const map = [1, 4, 8, 8];

describe.each([
  ["a mask", 3e38, true],
  ["a HardSigmoid of the model", 0.2, false],
] as const)("passes that look for masks, given %s", (_name, alpha, found) => {
  test("recomputeActivations", () => {
    const model = typed({
      inputs: { x: map, g: map, gamma: [4], beta: [4], mean: [4], variance: [4] },
      outputs: { next: undefined, d: undefined },
      nodes: [
        ["BatchNormalization", ["x", "gamma", "beta", "mean", "variance"], ["normalised"]],
        ["Relu", ["normalised"], ["y"]],
        ["Abs", ["y"], ["next"]],
        hardSigmoid(alpha, "y", "mask"),
        ["Mul", ["g", "mask"], ["d"]],
      ],
    });
    const reluCount = operators(recomputeActivations(model)).filter((operator) => operator === "Relu").length;
    expect(reluCount).toBe(found ? 2 : 1);
  });

  test("scaleInWeights", () => {
    const model = typed({
      inputs: { g: map, weights: [4, 4, 1, 1], y: map, scale: [4, 1, 1] },
      outputs: { d: undefined, sum: undefined },
      initializers: { axes: { dataType: "int64", dims: [3], data: BigInt64Array.of(0n, 2n, 3n) } },
      nodes: [
        ["Conv", ["g", "weights"], ["back"]],
        hardSigmoid(alpha, "y", "mask"),
        ["Mul", ["back", "mask"], ["masked"]],
        ["Mul", ["masked", "scale"], ["scaled"]],
        ["Abs", ["scaled"], ["d"]],
        ["ReduceSum", ["masked", "axes"], ["sum"], { keepdims: 0 }],
      ],
    });
    expect(operators(scaleInWeights(model)).includes("Where")).toBe(found);
  });
});
