import { classOutput } from "../../lib/autodiff/class-output";
import { differentiate, type DifferentiateOptions } from "../../lib/autodiff/differentiate";
import { ModelError } from "../../lib/contract/errors";
import { float32Tensor, int64Tensor } from "../../lib/onnx/tensor";
import { buildModel, type ModelSketch } from "./build-model";

function refusal(sketch: ModelSketch, options?: DifferentiateOptions): ModelError {
  try {
    differentiate(buildModel(sketch), options);
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error("Expected a refusal");
}

const plain: ModelSketch = {
  inputs: { x: [2, 3] },
  outputs: { y: [2, 3] },
  nodes: [
    ["Tanh", ["x"], ["hidden"]],
    ["Exp", ["hidden"], ["y"]],
  ],
};

test("an operator without a rule is refused by node name and operator", () => {
  const error = refusal({
    ...plain,
    nodes: [
      ["Tanh", ["x"], ["h"]],
      ["Det", ["h"], ["y"]],
    ],
  });
  expect(error.code).toBe("autodiff.unsupported-operator");
  expect(error.message).toContain('node "det_1" (Det)');
});

test("an operator of another domain is refused with its domain", () => {
  const model = buildModel(plain);
  model.graph.nodes[1]!.domain = "com.example";
  expect(() => differentiate(model)).toThrow(/node "exp_1" \(com\.example\.Exp\) belongs to the domain "com\.example"/);
});

test.each([
  ["NonMaxSuppression", ["x", "x"]],
  ["Bernoulli", ["x"]],
  ["QuantizeLinear", ["x", "s"]],
  ["DynamicQuantizeLinear", ["x"]],
  ["Unique", ["x"]],
])("%s on the path has no gradient, and the message says why", (operator, inputs) => {
  const error = refusal({
    ...plain,
    nodes: [
      [operator, inputs, ["h"]],
      ["Cast", ["h"], ["y"], { to: 1 }],
    ],
    initializers: { s: float32Tensor(0.1) },
  });
  expect(error.code).toBe("autodiff.no-gradient");
  expect(error.message).toMatch(
    new RegExp(`node "${operator.toLowerCase()}_0" \\(${operator}\\) lies on it, which has no gradient: .{10,}`),
  );
});

test("a branch taken at run time that captures a value on the path is refused", () => {
  const body = buildModel({ inputs: {}, outputs: { inner: [2, 3] }, nodes: [["Exp", ["hidden"], ["inner"]]] }).graph;
  const error = refusal({
    ...plain,
    inputs: { ...plain.inputs, condition: [] },
    types: { condition: "bool" },
    nodes: [
      ["Tanh", ["x"], ["hidden"]],
      [
        "If",
        ["condition"],
        ["y"],
        { then_branch: { kind: "graph", value: body }, else_branch: { kind: "graph", value: body } },
      ],
    ],
  });
  expect(error.code).toBe("autodiff.no-gradient");
  expect(error.message).toContain('node "if_1" (If)');
});

test("operators beside every path do not matter", () => {
  const model = buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: [2, 3], best: [2] },
    types: { best: "int64" },
    nodes: [
      ["Det", ["other"], ["unused"]],
      ["Tanh", ["x"], ["y"]],
      ["ArgMax", ["y"], ["best"], { axis: 1, keepdims: 0 }],
    ],
    initializers: { other: float32Tensor([1], [1, 1]) },
  });
  expect(differentiate(model).graph.outputs.map(({ name }) => name)).toEqual(["y", "best", "d_x"]);
});

test("an output that depends on the input through whole numbers alone is refused", () => {
  const error = refusal({
    ...plain,
    nodes: [
      ["ArgMax", ["x"], ["i"], { axis: 1 }],
      ["Cast", ["i"], ["y"], { to: 1 }],
    ],
  });
  expect(error.code).toBe("autodiff.no-gradient");
  expect(error.message).toContain('node "argmax_0" (ArgMax)');
});

test("integer inputs, values and outputs have no derivative", () => {
  const integers: ModelSketch = {
    inputs: { i: [3] },
    outputs: { y: [3] },
    types: { i: "int64" },
    nodes: [["Cast", ["i"], ["y"], { to: 1 }]],
  };
  expect(refusal(integers)).toMatchObject({
    code: "autodiff.integer-input",
    message: expect.stringContaining('"i" (int64)'),
  });
  expect(refusal(integers, { wrt: ["i"] })).toMatchObject({
    code: "autodiff.integer-input",
    message: expect.stringContaining('"i" is int64'),
  });
  const best: ModelSketch = {
    inputs: { x: [3] },
    outputs: { i: [1] },
    types: { i: "int64" },
    nodes: [["ArgMax", ["x"], ["i"], { axis: 0 }]],
  };
  expect(refusal(best).code).toBe("autodiff.integer-output");
  expect(refusal(best, { outputs: ["i"] }).code).toBe("autodiff.integer-output");
});

test("an unknown name is answered with the closest ones", () => {
  expect(refusal(plain, { wrt: ["hiden"] })).toMatchObject({
    code: "autodiff.unknown-name",
    message: expect.stringContaining('"hiden"; the closest are "hidden"'),
  });
  expect(refusal(plain, { outputs: ["z"] })).toMatchObject({
    code: "autodiff.unknown-name",
    message: expect.stringContaining('"y"'),
  });
});

test("an independent output is zeros, or refused when that is asked for", () => {
  const constant: ModelSketch = { ...plain, inputs: { x: [2, 3], z: [2, 3] }, nodes: [["Tanh", ["z"], ["y"]]] };
  expect(refusal(constant, { wrt: ["x"], strict: true })).toMatchObject({
    code: "autodiff.independent",
    message: expect.stringContaining('output "y" to depend on "x"'),
  });
  expect(differentiate(buildModel(constant), { wrt: ["x"] }).graph.outputs.at(-1)).toMatchObject({
    name: "d_x",
    shape: [2, 3],
  });
});

test("a case that a rule does not know is refused with its node", () => {
  const error = refusal({
    inputs: { x: [2, 3], shape: [null] },
    outputs: { y: undefined },
    types: { shape: "int64" },
    nodes: [
      ["Reshape", ["x", "shape"], ["h"]],
      ["Tile", ["h", "repeats"], ["y"]],
    ],
    initializers: { repeats: int64Tensor([1, 1]) },
  });
  expect(error.code).toBe("autodiff.unsupported-case");
  expect(error.message).toContain('node "tile_1" (Tile)');
});

describe("the output with the scores of the classes", () => {
  const two = buildModel({
    inputs: { x: [2, 3] },
    outputs: { a: [2, 3], b: [2, 3] },
    nodes: [
      ["Tanh", ["x"], ["a"]],
      ["Exp", ["x"], ["b"]],
    ],
  });

  test("is refused when two could be meant", () => {
    expect(() => classOutput(two)).toThrow(
      expect.objectContaining({ code: "autodiff.ambiguous-output", message: expect.stringContaining('"a", "b"') }),
    );
    expect(classOutput(two, "b")).toBe("b");
    expect(() => classOutput(two, "c")).toThrow(expect.objectContaining({ code: "autodiff.unknown-name" }));
  });

  test("is the one of shape [batch, classes] among feature maps", () => {
    const features = buildModel({
      inputs: { x: [2, 3] },
      outputs: { map: [1, 2, 4, 4], y: ["n", 3] },
      nodes: [
        ["Tanh", ["x"], ["y"]],
        ["Exp", ["x"], ["map"]],
      ],
    });
    expect(classOutput(features)).toBe("y");
  });
});

test.each<[string, ModelSketch]>([
  [
    "the scales of a smooth resize",
    {
      inputs: { x: [1, 1, 4, 4], scales: [4] },
      outputs: { y: undefined },
      nodes: [["Resize", ["x", "", "scales"], ["y"], { mode: "linear" }]],
    },
  ],
  [
    "the region of a cropping resize",
    {
      inputs: { x: [1, 1, 4, 4], roi: [8] },
      outputs: { y: undefined },
      initializers: { sizes: int64Tensor([1, 1, 3, 3]) },
      nodes: [
        [
          "Resize",
          ["x", "roi", "", "sizes"],
          ["y"],
          { mode: "linear", coordinate_transformation_mode: "tf_crop_and_resize" },
        ],
      ],
    },
  ],
  [
    "the ratio of a dropout that drops",
    {
      inputs: { x: [4], ratio: [] },
      outputs: { y: [4] },
      initializers: { training: { dataType: "bool", dims: [], data: Uint8Array.of(1) } },
      nodes: [["Dropout", ["x", "ratio", "training"], ["y"]]],
    },
  ],
])("%s is refused, not given zeros; the input alone is differentiated", (_name, sketch) => {
  expect(refusal(sketch).code).toBe("autodiff.unsupported-case");
  expect(differentiate(buildModel(sketch), { wrt: ["x"] }).graph.outputs.map(({ name }) => name)).toEqual(["y", "d_x"]);
});
