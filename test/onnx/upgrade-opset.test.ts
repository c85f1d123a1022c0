import { readFileSync } from "node:fs";
import path from "node:path";
import { type AttributeValue, float, floats } from "../../lib/onnx/attributes";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import { inferShapes } from "../../lib/onnx/infer-shapes";
import type { DataType, Dimension, Graph, Model } from "../../lib/onnx/model";
import { irVersionOfOpset } from "../../lib/onnx/operators";
import { readModel } from "../../lib/onnx/read-model";
import { boolTensor, float32Tensor } from "../../lib/onnx/tensor";
import { upgradeOpset } from "../../lib/onnx/upgrade-opset";
import { writeModel } from "../../lib/onnx/write-model";
import { describeWithReference } from "../reference";
import { modelFiles, oracleInputs } from "./oracle";
import { difference, type Feed, runModel } from "./runtime";

const targets = [18, 19, 20, 21] as const;
const tolerance = 1e-6;

type Build = (graph: GraphBuilder) => void;
interface Case {
  readonly name: string;
  readonly opset: number;
  readonly inputs: Record<string, readonly number[]>;
  readonly build: Build;
  readonly outputs?: readonly string[];
  /** Which extents are left open, as symbols. */
  readonly dynamic?: boolean;
}

function model(
  { opset, inputs, build, outputs = ["y"], dynamic }: Omit<Case, "name">,
  dataType: DataType = "float32",
): Model {
  const shapeOf = (name: string, dims: readonly number[]): Dimension[] =>
    dims.map((extent, axis) => (dynamic ? `${name}${axis}` : extent));
  const graph: Graph = {
    name: "g",
    nodes: [],
    initializers: new Map(),
    valueInfo: new Map(),
    inputs: Object.entries(inputs).map(([name, dims]) => ({ name, dataType, shape: shapeOf(name, dims) })),
    outputs: outputs.map((name) => ({ name, dataType: "float32", shape: undefined })),
  };
  build(new GraphBuilder(graph));
  const built: Model = {
    irVersion: irVersionOfOpset(opset),
    producerName: "",
    producerVersion: "",
    opsets: new Map([["", opset]]),
    graph,
    metadata: new Map(),
  };
  const types = inferShapes(built);
  graph.outputs = outputs.map((name) => ({ name, dataType: types.get(name)?.dataType ?? "float32", shape: undefined }));
  return built;
}

/** Numbers in (-2, 2) that repeat nowhere, from the golden ratio. */
function feedsOf(inputs: Record<string, readonly number[]>): Map<string, Feed> {
  let seed = 0.5;
  return new Map(
    Object.entries(inputs).map(([name, dims]) => {
      const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => {
        seed = (seed + 0.618033988749895) % 1;
        return 4 * seed - 2;
      });
      return [name, { dims, data }];
    }),
  );
}

async function expectSame(
  original: Model,
  upgraded: Model,
  feeds: ReadonlyMap<string, Feed>,
  label: string,
): Promise<void> {
  const [expected, received] = [await runModel(original, feeds), await runModel(upgraded, feeds)];
  expect([...received.keys()]).toEqual([...expected.keys()]);
  for (const [name, output] of expected) {
    expect([label, name, received.get(name)!.type]).toEqual([label, name, output.type]);
    const distance = difference(received.get(name)!, output);
    if (!(distance <= tolerance))
      throw new Error(`${label}: ${name} differs by ${distance}: [${received.get(name)!.dims}] for [${output.dims}]`);
  }
}

function single(
  operator: string,
  attributes: Record<string, AttributeValue> = {},
  more: readonly string[] = [],
): Build {
  return (graph) => {
    graph.add(operator, ["x", ...more], attributes, "y");
  };
}

const images = { x: [2, 3, 6, 8] };
const matrix = { x: [2, 3, 4] };

const reductions = [
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSumExp",
  "ReduceMax",
  "ReduceMean",
  "ReduceMin",
  "ReduceProd",
  "ReduceSum",
  "ReduceSumSquare",
];

const cases: Case[] = [
  { name: "Squeeze with axes", opset: 7, inputs: { x: [1, 3, 1, 4] }, build: single("Squeeze", { axes: [0, 2] }) },
  {
    name: "Squeeze with negative axes",
    opset: 11,
    inputs: { x: [1, 3, 1, 4] },
    build: single("Squeeze", { axes: [-2] }),
  },
  { name: "Squeeze of everything", opset: 9, inputs: { x: [1, 3, 1, 4] }, build: single("Squeeze") },
  { name: "Unsqueeze", opset: 8, inputs: matrix, build: single("Unsqueeze", { axes: [0, 2] }) },
  ...reductions.flatMap((operator): Case[] =>
    [7, 11, 13].flatMap((opset) => [
      {
        name: `${operator} over axes`,
        opset,
        inputs: matrix,
        build:
          operator === "ReduceSum" && opset === 13
            ? (graph) => {
                graph.add(operator, ["x", graph.int64([1])], { keepdims: 0 }, "y");
              }
            : single(operator, { axes: [0, 2], keepdims: 0 }),
      },
      { name: `${operator} over all`, opset, inputs: matrix, build: single(operator) },
    ]),
  ),
  {
    name: "ReduceLogSum",
    opset: 12,
    inputs: matrix,
    build: (graph) => {
      graph.add("ReduceLogSum", [graph.add("Abs", ["x"])], { axes: [-1], keepdims: 1 }, "y");
    },
  },
  {
    name: "Split in equal parts",
    opset: 7,
    inputs: matrix,
    outputs: ["a", "b"],
    build: (graph) => {
      const [a, b] = graph.addMany("Split", ["x"], 2, { axis: 2 });
      graph.add("Neg", [a!], {}, "a");
      graph.add("Abs", [b!], {}, "b");
    },
  },
  {
    name: "Split by sizes",
    opset: 11,
    inputs: matrix,
    outputs: ["a", "b"],
    build: (graph) => {
      const [a, b] = graph.addMany("Split", ["x"], 2, { axis: -1, split: [1, 3] });
      graph.add("Neg", [a!], {}, "a");
      graph.add("Abs", [b!], {}, "b");
    },
  },
  {
    name: "Split by an input",
    opset: 13,
    inputs: matrix,
    outputs: ["a", "b"],
    build: (graph) => {
      const [a, b] = graph.addMany("Split", ["x", graph.int64([1, 3])], 2, { axis: 2 });
      graph.add("Neg", [a!], {}, "a");
      graph.add("Abs", [b!], {}, "b");
    },
  },
  {
    name: "Split without sizes",
    opset: 13,
    inputs: matrix,
    outputs: ["a", "b"],
    build: (graph) => {
      const [a, b] = graph.addMany("Split", ["x"], 2, { axis: 0 });
      graph.add("Neg", [a!], {}, "a");
      graph.add("Abs", [b!], {}, "b");
    },
  },
  {
    name: "Slice by attributes",
    opset: 9,
    inputs: matrix,
    build: single("Slice", { starts: [1, -3], ends: [2 ** 63, -1], axes: [1, 2] }),
  },
  { name: "Slice without axes", opset: 7, inputs: matrix, build: single("Slice", { starts: [0, 1], ends: [1, 1000] }) },
  ...["constant", "reflect", "edge"].map((mode): Case => ({
    name: `Pad ${mode}`,
    opset: 10,
    inputs: images,
    build: single("Pad", {
      pads: [0, 0, 1, 2, 0, 0, 3, 1],
      mode,
      ...(mode === "constant" ? { value: float(1.5) } : {}),
    }),
  })),
  {
    name: "Pad with zeros, cropping",
    opset: 7,
    inputs: images,
    build: single("Pad", { pads: [0, 0, -1, 2, 0, 0, 0, -3] }),
  },
  {
    name: "Pad of 13",
    opset: 13,
    inputs: images,
    build: (graph) => {
      graph.add("Pad", ["x", graph.int64([0, 0, 1, 1, 0, 0, 1, 1]), graph.float32(2)], {}, "y");
    },
  },
  { name: "Clip", opset: 6 + 1, inputs: matrix, build: single("Clip", { min: float(-0.5), max: float(1) }) },
  { name: "Clip from above", opset: 9, inputs: matrix, build: single("Clip", { max: float(0.25) }) },
  { name: "Clip from below", opset: 10, inputs: matrix, build: single("Clip", { min: float(0.25) }) },
  { name: "Clip without limits", opset: 10, inputs: matrix, build: single("Clip") },
  ...[7, 10, 11].map((opset): Case => ({
    name: "Dropout",
    opset,
    inputs: matrix,
    build: single("Dropout", { ratio: float(0.3) }),
  })),
  {
    name: "TopK",
    opset: 9,
    inputs: matrix,
    outputs: ["y"],
    build: (graph) => {
      const [values] = graph.addMany("TopK", ["x"], 2, { k: 2, axis: 1 });
      graph.add("Neg", [values!], {}, "y");
    },
  },
  {
    name: "TopK by an input",
    opset: 10,
    inputs: matrix,
    build: (graph) => {
      const [, indices] = graph.addMany("TopK", ["x", graph.int64([3])], 2);
      graph.add("Identity", [indices!], {}, "y");
    },
  },
  ...["nearest", "linear"].flatMap((mode): Case[] => [
    {
      name: `Upsample ${mode} by an attribute`,
      opset: 7,
      inputs: images,
      build: single("Upsample", { mode, scales: floats([1, 1, 2, 1.5]) }),
    },
    {
      name: `Upsample ${mode} by an input`,
      opset: 9,
      inputs: images,
      build: (graph) => {
        graph.add("Upsample", ["x", graph.float32([1, 1, 2, 3])], { mode }, "y");
      },
    },
    ...[
      [1, 1, 2, 2],
      [1, 1, 1.7, 2.3],
      [1, 1, 0.5, 0.6],
      [1, 1, 2, 0.5],
      [1, 1, 0.4, 1.6],
    ].map((scales): Case => ({
      name: `Resize ${mode} by ${scales}`,
      opset: 10,
      inputs: images,
      build: (graph) => {
        graph.add("Resize", ["x", graph.constant(float32Tensor(scales))], { mode }, "y");
      },
    })),
  ]),
  ...["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"].flatMap((coordinates) =>
    ["nearest", "linear", "cubic"].flatMap((mode): Case[] => [
      {
        name: `Resize ${mode} ${coordinates} by scales`,
        opset: 11,
        inputs: images,
        build: (graph) => {
          graph.add(
            "Resize",
            ["x", graph.float32([]), graph.float32([1, 1, 1.6, 2.5])],
            { mode, coordinate_transformation_mode: coordinates, nearest_mode: "floor" },
            "y",
          );
        },
      },
      {
        name: `Resize ${mode} ${coordinates} to sizes`,
        opset: 13,
        inputs: images,
        build: (graph) => {
          graph.add(
            "Resize",
            ["x", graph.float32([]), graph.float32([]), graph.int64([2, 3, 9, 5])],
            { mode, coordinate_transformation_mode: coordinates },
            "y",
          );
        },
      },
    ]),
  ),
  {
    name: "Resize tf_half_pixel_for_nn",
    opset: 11,
    inputs: images,
    build: (graph) => {
      graph.add(
        "Resize",
        ["x", graph.float32([]), graph.float32([1, 1, 2, 1.5])],
        { mode: "nearest", coordinate_transformation_mode: "tf_half_pixel_for_nn", nearest_mode: "floor" },
        "y",
      );
    },
  },
  {
    name: "Resize tf_crop_and_resize",
    opset: 11,
    inputs: images,
    build: (graph) => {
      graph.add(
        "Resize",
        ["x", graph.float32([0, 0, 0.1, 0.2, 1, 1, 0.8, 1.1]), graph.float32([]), graph.int64([2, 3, 5, 7])],
        { mode: "linear", coordinate_transformation_mode: "tf_crop_and_resize", extrapolation_value: float(3) },
        "y",
      );
    },
  },
  ...["Softmax", "LogSoftmax", "Hardmax"].flatMap((operator) =>
    [undefined, 0, 1, 2, 3, -1, -2].flatMap((axis) =>
      [false, true].map((dynamic): Case => ({
        name: `${operator} on axis ${axis}${dynamic ? ", open extents" : ""}`,
        opset: (axis ?? 0) < 0 ? 11 : 9,
        dynamic,
        inputs: { x: [2, 3, 2, 4] },
        build: single(operator, axis === undefined ? {} : { axis }),
      })),
    ),
  ),
  ...[7, 8, 9, 13, 14].map((opset): Case => ({
    name: `BatchNormalization of ${opset}`,
    opset,
    inputs: images,
    build: (graph) => {
      graph.add(
        "BatchNormalization",
        [
          "x",
          graph.float32([1, 2, 0.5]),
          graph.float32([0, 1, -1]),
          graph.float32([0.1, 0.2, 0.3]),
          graph.float32([1, 2, 3]),
        ],
        { epsilon: float(1e-3), ...(opset < 9 ? { spatial: 1 } : {}) },
        "y",
      );
    },
  })),
  {
    name: "RoiAlign without shift",
    opset: 10,
    inputs: images,
    build: (graph) => {
      graph.add(
        "RoiAlign",
        ["x", graph.float32([0.2, 0.3, 4, 5], [1, 4]), graph.int64([1])],
        { output_height: 2, output_width: 3, sampling_ratio: 2 },
        "y",
      );
    },
  },
  {
    name: "Scatter",
    opset: 9,
    inputs: { x: [3, 3] },
    build: (graph) => {
      graph.add("Scatter", ["x", graph.int64([1, 0, 2], [1, 3]), graph.float32([5, 6, 7], [1, 3])], { axis: 0 }, "y");
    },
  },
  ...["bilinear", "nearest", "bicubic"].map((mode): Case => ({
    name: `GridSample ${mode}`,
    opset: 16,
    inputs: { x: [1, 2, 5, 6], grid: [1, 3, 4, 2] },
    build: (graph) => {
      graph.add("GridSample", ["x", "grid"], { mode, padding_mode: "border" }, "y");
    },
  })),
  ...[false, true].map((dynamic): Case => ({
    name: `GroupNormalization${dynamic ? ", open extents" : ""}`,
    opset: 18,
    dynamic,
    inputs: { x: [2, 6, 3, 3], scale: [3], bias: [3] },
    build: (graph) => {
      graph.add("GroupNormalization", ["x", "scale", "bias"], { num_groups: 3 }, "y");
    },
  })),
  {
    name: "GroupNormalization with constants",
    opset: 18,
    inputs: { x: [2, 6, 3] },
    build: (graph) => {
      graph.add("GroupNormalization", ["x", graph.float32([1, 2]), graph.float32([0.5, -1])], { num_groups: 2 }, "y");
    },
  },
  ...[1, 0].map((include): Case => ({
    name: `AveragePool with ceil, count_include_pad ${include}`,
    opset: 11,
    inputs: images,
    build: single("AveragePool", {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      count_include_pad: include,
    }),
  })),
  {
    name: "MaxPool",
    opset: 7,
    inputs: images,
    build: single("MaxPool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  },
  {
    name: "MaxPool with ceil_mode",
    opset: 10,
    inputs: images,
    build: single("MaxPool", { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  },
  {
    name: "Gemm, PRelu, Pow, Sum",
    opset: 7,
    inputs: { x: [2, 3] },
    build: (graph) => {
      const product = graph.add("Gemm", ["x", graph.float32([1, 2, 3, 4, 5, 6], [3, 2]), graph.float32([1, -1])], {
        alpha: float(0.5),
      });
      graph.add(
        "Sum",
        [graph.add("PRelu", [product, graph.float32([0.1])]), graph.add("Pow", [product, graph.float32([2])])],
        {},
        "y",
      );
    },
  },
  {
    name: "Upsample, then everything a tf2onnx head has",
    opset: 9,
    inputs: { x: [1, 2, 3, 3] },
    build: (graph) => {
      const large = graph.add("Upsample", ["x", graph.float32([1, 1, 2, 2])], { mode: "nearest" });
      const mean = graph.add("ReduceMean", [graph.add("Clip", [large], { min: float(0), max: float(6) })], {
        axes: [2, 3],
        keepdims: 1,
      });
      graph.add("Softmax", [graph.add("Squeeze", [mean], { axes: [2, 3] })], {}, "y");
    },
  },
];

function branch(axes: number[]): Graph {
  const graph: Graph = {
    name: `b${axes}`,
    nodes: [],
    inputs: [],
    outputs: [{ name: `out${axes}`, dataType: "float32", shape: undefined }],
    initializers: new Map(),
    valueInfo: new Map(),
  };
  new GraphBuilder(graph, `b${axes}/`).add("ReduceSum", ["x"], { axes, keepdims: 0 }, `out${axes}`);
  return graph;
}

function attend(attributes: Record<string, AttributeValue>, mask?: (graph: GraphBuilder) => string): Build {
  return (graph) => {
    graph.add("Attention", ["x", "k", "v", ...(mask ? [mask(graph)] : [])], attributes, "y");
  };
}

/** Cosines and sines for RotaryEmbedding: [2, 5, half]. */
function angles(graph: GraphBuilder, half: number): string[] {
  return [0, 1].map((phase) =>
    graph.float32(
      Array.from({ length: 2 * 5 * half }, (_, index) => Math.sin(index * 0.7 + (phase * Math.PI) / 2)),
      [2, 5, half],
    ),
  );
}

describe("upgrading keeps the outputs", () => {
  test.each(cases.map((entry) => [`${entry.name} (${entry.opset})`, entry] as const))("%s", async (name, entry) => {
    const original = model(entry);
    const before = writeModel(original);
    for (const target of targets) {
      if (target <= entry.opset) continue;
      const upgraded = upgradeOpset(original, target);
      expect(upgraded.opsets.get("")).toBe(target);
      await expectSame(original, upgraded, feedsOf(entry.inputs), `${name} to ${target}`);
    }
    expect(Buffer.compare(writeModel(original), before)).toBe(0);
  });

  test("inside sub-graphs too", async () => {
    const original = model({
      opset: 11,
      inputs: matrix,
      build: (graph) => {
        graph.add(
          "If",
          [graph.constant(boolTensor([true], []))],
          { then_branch: { kind: "graph", value: branch([0]) }, else_branch: { kind: "graph", value: branch([1]) } },
          "y",
        );
      },
    });
    await expectSame(original, upgradeOpset(original), feedsOf(matrix), "If");
  });
});

describe("which models are changed", () => {
  const relu = (opset: number): Model => model({ opset, inputs: matrix, build: single("Relu") });

  test("7 to 17 come to 18, 18 to 21 stay, newer ones come to 21, older ones are refused", () => {
    const reached = [7, 13, 17, 18, 19, 20, 21, 22, 25, 28].map((opset) => upgradeOpset(relu(opset)).opsets.get(""));
    expect(reached).toEqual([18, 18, 18, 18, 19, 20, 21, 21, 21, 21]);
    expect(upgradeOpset(relu(28)).irVersion).toBe(10);
    expect(upgradeOpset(relu(21), 18).opsets.get("")).toBe(21);
    expect(() => upgradeOpset(relu(6))).toThrow(expect.objectContaining({ code: "model.unsupported-opset" }));
  });

  test.each<[string, Model, string]>([
    [
      "training outputs",
      model({
        opset: 9,
        inputs: images,
        outputs: ["y", "m"],
        build: (graph) => {
          const outputs = graph.addMany(
            "BatchNormalization",
            ["x", ...[1, 2, 3, 4].map((value) => graph.float32([value, 1, 1]))],
            5,
          );
          graph.add("Neg", [outputs[0]!], {}, "y");
          graph.add("Neg", [outputs[1]!], {}, "m");
        },
      }),
      "training outputs",
    ],
    [
      "a new operator",
      model({
        opset: 26,
        inputs: matrix,
        build: (graph) => {
          graph.add("CumProd", ["x", graph.int64(0)], {}, "y");
        },
      }),
      "CumProd",
    ],
    [
      "a sliding window",
      model({
        opset: 25,
        inputs: { x: [1, 2, 3, 4] },
        build: (graph) => {
          graph.add("Attention", ["x", "x", "x"], { left_window_size: 1 }, "y");
        },
      }),
      "window",
    ],
    [
      "an old nearest mode",
      model({
        opset: 11,
        inputs: images,
        build: (graph) => {
          graph.add(
            "Resize",
            ["x", graph.float32([]), graph.float32([1, 1, 2, 2])],
            { mode: "linear", coordinate_transformation_mode: "tf_half_pixel_for_nn" },
            "y",
          );
        },
      }),
      "tf_half_pixel_for_nn",
    ],
  ])("%s: refused by name", (_, original, reason) => {
    expect(() => upgradeOpset(original)).toThrow(
      expect.objectContaining({ code: "model.unsupported-operator", message: expect.stringContaining(reason) }),
    );
  });
});

describe("operators newer than set 21 are decomposed", () => {
  const q = [2, 4, 5, 8];
  const attentionInputs = { x: q, k: [2, 4, 6, 8], v: [2, 4, 6, 3] };
  test.each<Case>([
    {
      name: "RMSNormalization",
      opset: 23,
      inputs: matrix,
      build: (graph) => {
        graph.add("RMSNormalization", ["x", graph.float32([1, 2, 3, 4])], { epsilon: float(1e-3) }, "y");
      },
    },
    {
      name: "RMSNormalization over two axes",
      opset: 23,
      inputs: matrix,
      build: (graph) => {
        graph.add("RMSNormalization", ["x", graph.float32([1, 2, 3, 4])], { axis: 1 }, "y");
      },
    },
    { name: "Attention", opset: 23, inputs: attentionInputs, build: attend({}) },
    {
      name: "Attention, causal, scaled, capped",
      opset: 24,
      inputs: { x: q, k: q, v: q },
      build: attend({ is_causal: 1, scale: float(0.3), softcap: float(2) }),
    },
    {
      name: "Attention with a mask to add",
      opset: 23,
      inputs: attentionInputs,
      build: attend({}, (graph) =>
        graph.float32(
          Array.from({ length: 30 }, (_, index) => (index % 7) - 3),
          [5, 6],
        ),
      ),
    },
    {
      name: "Attention with a mask of truths",
      opset: 23,
      inputs: attentionInputs,
      build: attend({}, (graph) =>
        graph.constant(
          boolTensor(
            Array.from({ length: 30 }, (_, index) => index % 6 === 0 || index % 4 > 0),
            [5, 6],
          ),
        ),
      ),
    },
    {
      name: "Attention, capped, with a mask",
      opset: 23,
      inputs: attentionInputs,
      build: attend({ softcap: float(1.5) }, (graph) =>
        graph.float32(
          Array.from({ length: 30 }, (_, index) => (index % 7) - 3),
          [5, 6],
        ),
      ),
    },
    {
      name: "Attention of three axes, grouped",
      opset: 23,
      inputs: { x: [2, 5, 24], k: [2, 6, 12], v: [2, 6, 8] },
      build: attend({ q_num_heads: 4, kv_num_heads: 2 }),
    },
    {
      name: "RotaryEmbedding",
      opset: 23,
      inputs: { x: q },
      build: (graph) => {
        graph.add("RotaryEmbedding", ["x", ...angles(graph, 4)], {}, "y");
      },
    },
    {
      name: "RotaryEmbedding interleaved",
      opset: 23,
      inputs: { x: q },
      build: (graph) => {
        graph.add("RotaryEmbedding", ["x", ...angles(graph, 4)], { interleaved: 1 }, "y");
      },
    },
    {
      name: "RotaryEmbedding of three axes",
      opset: 23,
      inputs: { x: [2, 5, 24] },
      build: (graph) => {
        graph.add("RotaryEmbedding", ["x", ...angles(graph, 3)], { num_heads: 4 }, "y");
      },
    },
    { name: "Swish", opset: 24, inputs: matrix, build: single("Swish", { alpha: float(1.5) }) },
  ])("$name ($opset)", async (entry) => {
    const original = model(entry);
    const upgraded = upgradeOpset(original);
    expect(upgraded.opsets.get("")).toBe(21);
    await expectSame(original, upgraded, feedsOf(entry.inputs), entry.name);
  });
});

test("Mod of floats with the divisor's sign, as set 28 has it", async () => {
  const original = model({ opset: 28, inputs: { x: [4], z: [4] }, build: single("Mod", {}, ["z"]) });
  const feeds = new Map([
    ["x", { dims: [4], data: Float32Array.of(-4, 7, 5.5, -5.5) }],
    ["z", { dims: [4], data: Float32Array.of(3, -3, 2, 2) }],
  ]);
  expect(Array.from((await runModel(upgradeOpset(original), feeds)).get("y")!.data)).toEqual([2, -2, 1.5, 0.5]);
});

describeWithReference("upgrading the oracle's older and newer models", (reference) => {
  test.each(["ops", "foreign", "mini"])("oracle/%s", async (group) => {
    let upgradedCount = 0;
    for (const file of modelFiles(path.join(reference, "oracle", group))) {
      const original = readModel(new Uint8Array(readFileSync(file)));
      const feeds = oracleInputs(file, original.graph.inputs);
      const opset = original.opsets.get("")!;
      for (const upgraded of new Set([upgradeOpset(original), upgradeOpset(original, 21)])) {
        if (upgraded === original) continue;
        upgradedCount++;
        await expectSame(original, upgraded, feeds, `${file} from ${opset}`);
      }
    }
    expect(upgradedCount).toBeGreaterThan(4);
  });
});
