import { Script } from "node:vm";
import { float, floats } from "../../lib/onnx/attributes";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import { inferShapes } from "../../lib/onnx/infer-shapes";
import type { Dimension, Graph, Model } from "../../lib/onnx/model";
import { irVersionOfOpset } from "../../lib/onnx/operators";
import { SymbolicAlgebra } from "../../lib/onnx/shapes/symbolic-algebra";
import { specialize } from "../../lib/onnx/specialize";
import { float32Tensor } from "../../lib/onnx/tensor";
import { runModel } from "./runtime";

type Build = (graph: GraphBuilder) => string;

const shape = ["batch", 4, "height", "width"];

function model(build: Build, opset = 18): Model {
  const graph: Graph = {
    name: "g",
    nodes: [],
    inputs: [{ name: "x", dataType: "float32", shape }],
    outputs: [],
    initializers: new Map(),
    valueInfo: new Map(),
  };
  const built: Model = {
    irVersion: irVersionOfOpset(opset),
    producerName: "",
    producerVersion: "",
    opsets: new Map([["", opset]]),
    graph,
    metadata: new Map(),
  };
  const output = build(new GraphBuilder(graph));
  graph.outputs = [{ name: output, dataType: inferShapes(built).get(output)!.dataType, shape: undefined }];
  return built;
}

function weights(graph: GraphBuilder, dims: readonly number[]): string {
  return graph.float32(new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.1), dims);
}

/** The extents by name as a shape computation of an exporter has them: Shape, then Gather. */
function extent(graph: GraphBuilder, axis: number): string {
  return graph.add("Gather", [graph.add("Shape", ["x"]), graph.int64(axis)]);
}

function vector(graph: GraphBuilder, ...parts: (string | number)[]): string {
  return graph.add(
    "Concat",
    parts.map((part) =>
      typeof part === "number" ? graph.int64([part]) : graph.add("Unsqueeze", [part, graph.int64([0])]),
    ),
    { axis: 0 },
  );
}

const cases: Record<string, Build> = {
  "Conv, stride 2": (graph) =>
    graph.add("Conv", ["x", weights(graph, [5, 4, 3, 3])], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  "Conv, dilated, same": (graph) =>
    graph.add("Conv", ["x", weights(graph, [5, 4, 3, 3])], { strides: [2, 3], auto_pad: "SAME_UPPER" }),
  ConvTranspose: (graph) =>
    graph.add("ConvTranspose", ["x", weights(graph, [4, 3, 3, 3])], {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    }),
  "MaxPool twice": (graph) =>
    graph.add("MaxPool", [graph.add("MaxPool", ["x"], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })], {
      kernel_shape: [2, 2],
      strides: [2, 2],
    }),
  "MaxPool, ceil_mode": (graph) => graph.add("MaxPool", ["x"], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  GlobalAveragePool: (graph) => graph.add("Flatten", [graph.add("GlobalAveragePool", ["x"])]),
  "Reshape to rows": (graph) => graph.add("Reshape", ["x", vector(graph, extent(graph, 0), -1)]),
  "Reshape with zeros": (graph) => graph.add("Reshape", ["x", graph.int64([0, 2, 2, -1])]),
  "tokens of an image": (graph) =>
    graph.add(
      "Transpose",
      [
        graph.add("Reshape", [
          graph.add("Conv", ["x", weights(graph, [6, 4, 4, 4])], { strides: [4, 4] }),
          graph.int64([0, 6, -1]),
        ]),
      ],
      { perm: [0, 2, 1] },
    ),
  windows: (graph) => {
    const [rows, columns] = [2, 3].map((axis) => graph.add("Div", [extent(graph, axis), graph.int64(4)])) as [
      string,
      string,
    ];
    const split = graph.add("Reshape", ["x", vector(graph, extent(graph, 0), 4, rows, 4, columns, 4)]);
    return graph.add("Reshape", [
      graph.add("Transpose", [split], { perm: [0, 2, 4, 3, 5, 1] }),
      graph.int64([-1, 16, 4]),
    ]);
  },
  "Resize by scales": (graph) =>
    graph.add("Resize", ["x", "", graph.constant(float32Tensor([1, 1, 2, 3]))], { mode: "nearest" }),
  "Resize to computed sizes": (graph) =>
    graph.add(
      "Resize",
      ["x", "", "", vector(graph, extent(graph, 0), 4, graph.add("Mul", [extent(graph, 2), graph.int64(2)]), 7)],
      { mode: "linear" },
    ),
  "Resize to half by floor of floats": (graph) => {
    const half = (axis: number): string =>
      graph.add(
        "Cast",
        [
          graph.add("Floor", [
            graph.add("Mul", [graph.add("Cast", [extent(graph, axis)], { to: 1 }), graph.float32(0.5)]),
          ]),
        ],
        { to: 7 },
      );
    return graph.add("Resize", ["x", "", "", vector(graph, extent(graph, 0), 4, half(2), half(3))], {
      mode: "nearest",
    });
  },
  Pad: (graph) => graph.add("Pad", ["x", graph.int64([0, 0, 1, 2, 0, 0, 3, 4])]),
  "Slice off the border": (graph) =>
    graph.add("Slice", ["x", graph.int64([1, 2]), graph.int64([-1, 2 ** 63]), graph.int64([2, 3])]),
  "Slice every other": (graph) =>
    graph.add("Slice", [
      "x",
      graph.int64([0, 1]),
      graph.int64([2 ** 63, 2 ** 63]),
      graph.int64([2, 3]),
      graph.int64([2, 2]),
    ]),
  "Concat of rows": (graph) =>
    graph.add("Concat", ["x", "x", graph.add("Slice", ["x", graph.int64([0]), graph.int64([3]), graph.int64([2])])], {
      axis: 2,
    }),
  "class token": (graph) => {
    const tokens = graph.add("Reshape", ["x", graph.int64([0, 4, -1])]);
    return graph.add(
      "Concat",
      [graph.add("Expand", [weights(graph, [1, 4, 1]), vector(graph, extent(graph, 0), -1 + 2, 1)]), tokens],
      { axis: 2 },
    );
  },
  "Expand, minus one kept": (graph) => {
    const wanted = vector(graph, extent(graph, 0), -1, extent(graph, 2), 3);
    const ones = graph.add("ConstantOfShape", [graph.add("Shape", [wanted])], {
      value: { dataType: "int64", dims: [1], data: BigInt64Array.of(1n) },
    });
    return graph.add("Expand", [
      weights(graph, [4, 1, 1]),
      graph.add("Where", [graph.add("Equal", [wanted, graph.int64(-1)]), ones, wanted]),
    ]);
  },
  "attention scores": (graph) => {
    const tokens = graph.add("Reshape", ["x", graph.int64([0, 4, -1])]);
    return graph.add(
      "Softmax",
      [graph.add("MatMul", [graph.add("Transpose", [tokens], { perm: [0, 2, 1] }), tokens])],
      { axis: -1 },
    );
  },
  Einsum: (graph) => graph.add("Einsum", ["x", "x"], { equation: "bchw,bdhw->bcdw" }),
  "squeeze-excite": (graph) =>
    graph.add("Mul", [
      "x",
      graph.add("Sigmoid", [graph.add("ReduceMean", ["x", graph.int64([2, 3])], { keepdims: 1 })]),
    ]),
  Range: (graph) =>
    graph.add("Range", [graph.int64(0), graph.add("Mul", [extent(graph, 2), extent(graph, 3)]), graph.int64(1)]),
  "Size of the batch": (graph) =>
    graph.add("Expand", [
      graph.float32([1]),
      graph.add("Reshape", [graph.add("Div", [graph.add("Size", ["x"]), graph.int64(4)]), graph.int64([1])]),
    ]),
  Tile: (graph) => graph.add("Tile", ["x", graph.int64([2, 1, 3, 1])]),
  DepthToSpace: (graph) => graph.add("DepthToSpace", ["x"], { blocksize: 2 }),
  SpaceToDepth: (graph) => graph.add("SpaceToDepth", ["x"], { blocksize: 2 }),
  LRN: (graph) => graph.add("LRN", ["x"], { size: 3, alpha: float(0.1) }),
};

/** The names are formulas: evaluated here by JavaScript itself. */
function evaluate(extent: Dimension, values: Record<string, number>): number {
  if (extent === null) throw new Error("Expected a known extent");
  return Number(
    new Script(String(extent)).runInNewContext({
      ...values,
      floor: Math.floor,
      ceil: Math.ceil,
      int: Math.trunc,
      min: Math.min,
      max: Math.max,
    }),
  );
}

describe("symbols survive every common operator, and mean what onnxruntime computes", () => {
  test.each(Object.entries(cases))("%s", async (_, build) => {
    const built = model(build);
    const output = built.graph.outputs[0]!.name;
    const inferred = inferShapes(built).get(output)!.shape!;
    for (const [batch, height, width] of [
      [1, 8, 12],
      [2, 16, 8],
      [3, 20, 24],
    ] as const) {
      const actual = (
        await runModel(
          built,
          new Map([["x", { dims: [batch, 4, height, width], data: new Float32Array(batch * 4 * height * width) }]]),
        )
      ).get(output)!.dims;
      expect(inferred.map((extent) => evaluate(extent, { batch, height, width }))).toEqual(actual);
      expect(specialize(built, { batch, height, width }).graph.outputs[0]!.shape).toEqual(actual);
    }
  });

  test("Upsample by an attribute", () => {
    const built = model((graph) => graph.add("Upsample", ["x"], { scales: floats([1, 1, 2, 2]) }), 7);
    expect(inferShapes(built).get("Upsample")!.shape).toEqual(["batch", 4, "2*height", "2*width"]);
  });

  test("the number of what is found stays open", () => {
    const built = model((graph) => graph.add("NonZero", ["x"]));
    expect(inferShapes(built).get("NonZero")!.shape).toEqual([4, null]);
  });
});

describe("arithmetic on extents", () => {
  const algebra = new SymbolicAlgebra();

  test("equal values have equal names", () => {
    const twice = algebra.add("n", "n");
    expect(twice).toBe(algebra.multiply(2, "n"));
    expect(algebra.subtract(twice, "n")).toBe("n");
    expect(algebra.subtract(algebra.add("n", 3), algebra.add(3, "n"))).toBe(0);
    expect(algebra.multiply(algebra.add("n", 1), "m")).toBe(algebra.add(algebra.multiply("m", "n"), "m"));
    expect(algebra.floorDivide(algebra.multiply(algebra.multiply(6, "n"), "m"), algebra.multiply(3, "m"))).toBe(twice);
    expect(algebra.quotientOfProducts(["a", algebra.add("n", 1), 8], [algebra.add("n", 1), 4])).toBe(
      algebra.multiply("a", 2),
    );
  });

  test("what is not known stays so", () => {
    expect(algebra.add(null, 3)).toBeNull();
    expect(algebra.multiply(null, 0)).toBe(0);
    expect(algebra.floorDivide("n", 0)).not.toBe("n");
    expect(algebra.floorDivide(3, 0)).toBeNull();
  });
});
