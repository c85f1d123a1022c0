import { appendGradient, differentiate, differentiateNamed } from "../../lib/autodiff/differentiate";
import type { Graph } from "../../lib/onnx/model";
import { float32Tensor, int64Tensor } from "../../lib/onnx/tensor";
import { buildModel } from "./build-model";
import { expectClose, numbersOf, runModel } from "./run-model";

const x = float32Tensor([-1, 0.5, 2, -0.25, 0, 3], [2, 3]);
const ones = float32Tensor([1, 1, 1, 1, 1, 1], [2, 3]);

test("the model given is left as it was", () => {
  const model = buildModel({ inputs: { x: [2, 3] }, outputs: { y: [2, 3] }, nodes: [["Tanh", ["x"], ["y"]]] });
  const before = structuredClone(model);
  differentiate(model);
  expect(model).toEqual(before);
});

test("inputs and outputs stay, a cotangent and a gradient come after them", () => {
  const model = buildModel({
    inputs: { x: ["n", 3], z: ["n", 3] },
    outputs: { y: ["n", 3] },
    nodes: [["Mul", ["x", "z"], ["y"]]],
  });
  const { graph } = differentiate(model);
  expect(graph.inputs).toEqual(["x", "z", "d_y"].map((name) => ({ name, dataType: "float32", shape: ["n", 3] })));
  expect(graph.outputs).toEqual(["y", "d_x", "d_z"].map((name) => ({ name, dataType: "float32", shape: ["n", 3] })));
});

test("a value read many times gathers the gradients of all its readers", async () => {
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: [2, 3] },
    nodes: [
      ["Mul", ["x", "x"], ["a"]],
      ["Mul", ["a", "x"], ["b"]],
      ["Add", ["b", "a"], ["c"]],
      ["Sum", ["c", "x", "x"], ["y"]],
    ],
  });
  const { d_x } = await runModel(differentiate(model), { x, d_y: ones });
  expectClose(
    "d_x",
    d_x,
    float32Tensor(
      [...numbersOf(x)].map((v) => 3 * v * v + 2 * v + 2),
      [2, 3],
    ),
    1e-6,
  );
});

test("gradients of initialisers and intermediate values, and of both at once", async () => {
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: [2, 3] },
    initializers: { w: float32Tensor([2, -3, 4]) },
    nodes: [
      ["Mul", ["x", "w"], ["h"]],
      ["Mul", ["h", "h"], ["y"]],
    ],
  });
  const got = await runModel(differentiate(model, { wrt: ["w", "h", "x"] }), { x, d_y: ones });
  const values = [...numbersOf(x)];
  const h = values.map((v, i) => v * [2, -3, 4][i % 3]!);
  expectClose(
    "d_h",
    got["d_h"],
    float32Tensor(
      h.map((v) => 2 * v),
      [2, 3],
    ),
    1e-6,
  );
  expectClose(
    "d_x",
    got["d_x"],
    float32Tensor(
      h.map((v, i) => 2 * v * [2, -3, 4][i % 3]!),
      [2, 3],
    ),
    1e-6,
  );
  expectClose(
    "d_w",
    got["d_w"],
    float32Tensor([0, 1, 2].map((i) => 2 * h[i]! * values[i]! + 2 * h[i + 3]! * values[i + 3]!)),
    1e-6,
  );
});

test("an output that is also asked for gets a name of its own", async () => {
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: [2, 3], z: [2, 3] },
    nodes: [
      ["Neg", ["x"], ["y"]],
      ["Mul", ["y", "y"], ["z"]],
    ],
  });
  const { model: both, cotangents, gradients } = differentiateNamed(model, { wrt: ["y"] });
  expect([...cotangents.values()]).toEqual(["d_y", "d_z"]);
  expect([...gradients.values()]).toEqual(["d_y_1"]);
  const got = await runModel(both, { x, d_y: ones, d_z: ones });
  expectClose(
    "d_y_1",
    got["d_y_1"],
    float32Tensor(
      [...numbersOf(x)].map((v) => 1 - 2 * v),
      [2, 3],
    ),
    1e-6,
  );
});

test("an input that is an output passes its cotangent on", async () => {
  const model = buildModel({ inputs: { x: [2, 3] }, outputs: { x: [2, 3] }, nodes: [] });
  const { model: both, gradients } = differentiateNamed(model);
  expect(gradients.get("x")).toBe("d_x_1");
  expect(both.graph.inputs.map(({ name }) => name)).toEqual(["x", "d_x"]);
});

test("a gradient can be differentiated again", async () => {
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: [2, 3] },
    nodes: [
      ["Mul", ["x", "x"], ["s"]],
      ["Mul", ["s", "x"], ["y"]],
    ],
  });
  const { model: twice, gradients } = differentiateNamed(differentiate(model), { outputs: ["d_x"], wrt: ["x"] });
  const got = await runModel(twice, { x, d_y: ones, d_d_x: ones });
  expectClose(
    "second",
    got[gradients.get("x")!],
    float32Tensor(
      [...numbersOf(x)].map((v) => 6 * v),
      [2, 3],
    ),
    1e-6,
  );
});

test("flat operators stop the flow; what lies behind them need not have a gradient", async () => {
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: [2, 3] },
    nodes: [
      ["Softmax", ["x"], ["p"]],
      ["Round", ["p"], ["r"]],
      ["Add", ["r", "x"], ["y"]],
    ],
  });
  const differentiated = differentiate(model);
  expectClose("d_x", (await runModel(differentiated, { x, d_y: ones }))["d_x"], ones, 0);
  expect(differentiated.graph.nodes.map(({ operator }) => operator)).toEqual(["Softmax", "Round", "Add", "Identity"]);
});

test("a missing path gives zeros of the shape the value has at run time", async () => {
  const model = buildModel({
    inputs: { x: ["n", 3], z: ["m", 2] },
    outputs: { y: ["n", 3] },
    nodes: [["Exp", ["x"], ["y"]]],
  });
  const z = float32Tensor([1, 2, 3, 4], [2, 2]);
  expectClose(
    "d_z",
    (await runModel(differentiate(model), { x, z, d_y: ones }))["d_z"],
    float32Tensor([0, 0, 0, 0], [2, 2]),
    0,
  );
});

test("a trainer gets loss and gradients in one graph", async () => {
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { loss: [] },
    initializers: { w: float32Tensor([1, 2, 3]), one: float32Tensor(1) },
    nodes: [
      ["Mul", ["x", "w"], ["h"]],
      ["ReduceSumSquare", ["h"], ["loss"], { keepdims: 0 }],
    ],
  });
  const gradients = appendGradient(model, new Map([["loss", "one"]]), ["w"]);
  model.graph.outputs.push({ name: gradients.get("w")!, dataType: "float32", shape: [3] });
  const got = await runModel(model, { x });
  const values = [...numbersOf(x)];
  expectClose(
    "w",
    got[gradients.get("w")!],
    float32Tensor([0, 1, 2].map((i) => 2 * (i + 1) * (values[i]! ** 2 + values[i + 3]! ** 2))),
    1e-6,
  );
});

/** A branch that applies an operator to the value "h" around it. */
function branch(operator: string): Graph {
  return buildModel({ inputs: {}, outputs: { inner: [2, 3] }, nodes: [[operator, ["h"], ["inner"]]] }).graph;
}

test("the branch of an If that the shapes decide is differentiated", async () => {
  const model = buildModel({
    inputs: { x: ["n", 3] },
    outputs: { y: ["n", 3] },
    initializers: { three: int64Tensor([3]), one: int64Tensor([1]) },
    nodes: [
      ["Neg", ["x"], ["h"]],
      ["Shape", ["x"], ["s"], { start: 1 }],
      ["Equal", ["s", "three"], ["same"]],
      ["Squeeze", ["same"], ["condition"]],
      [
        "If",
        ["condition"],
        ["y"],
        { then_branch: { kind: "graph", value: branch("Exp") }, else_branch: { kind: "graph", value: branch("Sin") } },
      ],
    ],
  });
  const got = await runModel(differentiate(model), { x, d_y: ones });
  expectClose(
    "d_x",
    got["d_x"],
    float32Tensor(
      [...numbersOf(x)].map((value) => -Math.exp(-value)),
      [2, 3],
    ),
    1e-6,
  );
});

test("intermediate values of older models keep their names", async () => {
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: [2] },
    opset: 11,
    nodes: [
      ["Neg", ["x"], ["h"]],
      ["ReduceSumSquare", ["h"], ["y"], { axes: [1], keepdims: 0 }],
    ],
  });
  const got = await runModel(differentiate(model, { wrt: ["h"] }), { x, d_y: float32Tensor([1, 2]) });
  expectClose(
    "d_h",
    got["d_h"],
    float32Tensor(
      [...numbersOf(x)].map((value, index) => -2 * value * (index < 3 ? 1 : 2)),
      [2, 3],
    ),
    1e-6,
  );
});
