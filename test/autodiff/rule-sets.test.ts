import { differentiate } from "../../lib/autodiff/differentiate";
import { unaryRule } from "../../lib/autodiff/gradient-rule";
import { float32Tensor } from "../../lib/onnx/tensor";
import { buildModel } from "./build-model";
import { expectClose, runModel } from "./run-model";

// y = relu(x) · w: a functional Relu, followed by something that turns the gradient's sign
const model = buildModel({
  inputs: { x: [4] },
  outputs: { y: [4] },
  initializers: { w: float32Tensor([1, -1, 1, -1]) },
  nodes: [
    ["Relu", ["x"], ["h"]],
    ["Mul", ["h", "w"], ["y"]],
  ],
});
const feeds = { x: float32Tensor([2, 2, -2, -2]), d_y: float32Tensor([3, 3, 3, 3]) };

test.each([
  ["true", [3, -3, 0, 0]],
  ["guided", [3, 0, 0, 0]],
  ["deconvnet", [3, 0, 3, 0]],
] as const)("the %s rule of Relu", async (rules, want) => {
  expectClose("d_x", (await runModel(differentiate(model, { rules }), feeds))["d_x"], float32Tensor(want), 0);
});

test("guided backpropagation leaves other activations alone", async () => {
  const tanh = buildModel({ inputs: { x: [4] }, outputs: { y: [4] }, nodes: [["LeakyRelu", ["x"], ["y"], {}]] });
  const got = await runModel(differentiate(tanh, { rules: "guided" }), {
    ...feeds,
    d_y: float32Tensor([-1, -1, -1, -1]),
  });
  expectClose("d_x", got["d_x"], float32Tensor([-1, -1, -0.01, -0.01]), 1e-7);
});

test("rules of one's own replace those of single operators", async () => {
  const straightThrough = { Relu: unaryRule((_context, dy) => dy) };
  expectClose(
    "d_x",
    (await runModel(differentiate(model, { rules: straightThrough }), feeds))["d_x"],
    float32Tensor([3, -3, 3, -3]),
    0,
  );
});
