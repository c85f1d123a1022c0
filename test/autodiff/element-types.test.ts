import { differentiate } from "../../lib/autodiff/differentiate";
import { float16Bits, filledTensor, fromFloat16Bits } from "../../lib/onnx/scalar";
import { float32Tensor } from "../../lib/onnx/tensor";
import type { Tensor } from "../../lib/onnx/model";
import type { AttributeValue } from "../../lib/onnx/attributes";
import { buildModel } from "./build-model";
import { expectClose, numbersOf, runModel } from "./run-model";

const values = [-1.5, -0.75, -0.25, 0.5, 0.625, 1.75];
const cotangent = [0.5, -1, 0.25, 2, -0.5, 1];

function half(numbers: readonly number[]): Tensor {
  return { dataType: "float16", dims: [2, 3], data: Uint16Array.from(numbers, float16Bits) };
}

/** The gradient in another type, as float32. */
async function gradientIn(
  type: "float64" | "float16",
  operator: string,
  attributes?: Record<string, AttributeValue>,
  extra: readonly number[] = [],
): Promise<Tensor> {
  const constants = Object.fromEntries(extra.map((value, index) => [`c${index}`, filledTensor(value, type, [])]));
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: undefined },
    types: { x: type, y: type },
    initializers: constants,
    opset: 20,
    nodes: [[operator, ["x", ...Object.keys(constants)], ["y"], attributes]],
  });
  const as = (numbers: readonly number[]): Tensor =>
    type === "float16" ? half(numbers) : { dataType: type, dims: [2, 3], data: Float64Array.from(numbers) };
  const { d_x } = await runModel(differentiate(model), { x: as(values), d_y: as(cotangent) });
  expect(d_x?.dataType).toBe(type);
  return float32Tensor(type === "float16" ? [...numbersOf(d_x!)].map(fromFloat16Bits) : [...numbersOf(d_x!)], [2, 3]);
}

async function gradientInFloat32(
  operator: string,
  attributes?: Record<string, AttributeValue>,
  extra: readonly number[] = [],
): Promise<Tensor> {
  const constants = Object.fromEntries(extra.map((value, index) => [`c${index}`, float32Tensor(value)]));
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: undefined },
    initializers: constants,
    opset: 20,
    nodes: [[operator, ["x", ...Object.keys(constants)], ["y"], attributes]],
  });
  return (
    await runModel(differentiate(model), { x: float32Tensor(values, [2, 3]), d_y: float32Tensor(cotangent, [2, 3]) })
  )["d_x"]!;
}

// every rule that makes constants of the value's type; float64 where onnxruntime has the forward kernel
const cases: readonly [
  operator: string,
  doubles: boolean,
  attributes?: Record<string, AttributeValue>,
  extra?: number[],
][] = [
  ["Relu", true],
  ["Abs", true],
  ["Sigmoid", true],
  ["Tanh", true],
  ["Softmax", true, { axis: 1 }],
  ["LogSoftmax", true, { axis: 0 }],
  ["Clip", true, {}, [-1, 1]],
  ["Pow", true, {}, [2]],
  ["Pow", true, {}, [3]],
  ["Max", true, {}, [0.3]],
  ["Mul", true, {}, [3]],
  ["Div", true, {}, [3]],
  ["Shrink", true],
  ["Erf", false],
  ["Gelu", false],
  ["Gelu", false, { approximate: "tanh" }],
  ["Elu", false],
  ["Selu", false],
  ["LeakyRelu", false],
  ["HardSigmoid", false],
  ["HardSwish", false],
  ["Mish", false],
  ["Softplus", false],
  ["Softsign", false],
  ["ThresholdedRelu", false],
  ["Atan", false],
  ["Tan", false],
  ["Mean", false, {}, [1]],
  ["PRelu", false, {}, [0.25]],
  ["Sin", true],
];

test.each(cases.map(([operator, doubles, attributes = {}, extra = []]) => ({ operator, doubles, attributes, extra })))(
  "$operator $attributes has the same gradient in float16 and float64 as in float32",
  async ({ operator, doubles, attributes, extra }) => {
    const want = await gradientInFloat32(operator, attributes, extra);
    expectClose("float16", await gradientIn("float16", operator, attributes, extra), want, 4e-3);
    if (doubles) expectClose("float64", await gradientIn("float64", operator, attributes, extra), want, 1e-6);
  },
);

test("a whole-number exponent is taken in the type of the base", async () => {
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: [2, 3] },
    initializers: { three: { dataType: "int64", dims: [], data: BigInt64Array.of(3n) } },
    nodes: [["Pow", ["x", "three"], ["y"]]],
  });
  const { d_x } = await runModel(differentiate(model), {
    x: float32Tensor(values, [2, 3]),
    d_y: float32Tensor(cotangent, [2, 3]),
  });
  expectClose(
    "d_x",
    d_x,
    float32Tensor(
      values.map((x, index) => 3 * x * x * cotangent[index]!),
      [2, 3],
    ),
    1e-6,
  );
});

test("gradients pass through casts in the type of the value cast", async () => {
  const model = buildModel({
    inputs: { x: [2, 3], like: [1] },
    outputs: { y: [2, 3] },
    types: { y: "float64", like: "float64" },
    nodes: [
      ["Cast", ["x"], ["h"], { to: 10 }],
      ["CastLike", ["h", "like"], ["d"]],
      ["Mul", ["d", "d"], ["y"]],
    ],
  });
  const got = await runModel(differentiate(model, { wrt: ["x"] }), {
    x: float32Tensor(values, [2, 3]),
    like: { dataType: "float64", dims: [1], data: Float64Array.of(0) },
    d_y: { dataType: "float64", dims: [2, 3], data: Float64Array.from(cotangent) },
  });
  expectClose(
    "d_x",
    got["d_x"],
    float32Tensor(
      values.map((x, index) => 2 * x * cotangent[index]!),
      [2, 3],
    ),
    1e-3,
  );
});

test("dropout in training mode scales the gradient as it scaled the values", async () => {
  const model = buildModel({
    inputs: { x: [200] },
    outputs: { y: [200] },
    nodes: [["Dropout", ["x", "ratio", "training"], ["y"], { seed: 3 }]],
    initializers: { ratio: float32Tensor(0.25), training: { dataType: "bool", dims: [], data: Uint8Array.of(1) } },
  });
  const ones = float32Tensor(Array.from({ length: 200 }, () => 1));
  const got = await runModel(differentiate(model), { x: ones, d_y: ones });
  expect(new Set([...numbersOf(got["y"]!)].map((value) => value.toFixed(4)))).toEqual(new Set(["0.0000", "1.3333"]));
  expectClose("d_x", got["d_x"], got["y"]!, 1e-6);
});
