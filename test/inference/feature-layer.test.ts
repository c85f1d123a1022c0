import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { gradCam } from "../../lib/attribution/grad-cam";
import { classModelOf } from "../../lib/inference/class-model";
import { featureLayerOf } from "../../lib/inference/feature-layer";
import { loadModel } from "../../lib/inference/load-model";
import type { Model } from "../../lib/onnx/model";
import { readModel } from "../../lib/onnx/read-model";
import { float32Tensor, int64Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { CounterRandom } from "../../lib/random/counter-random";
import { buildModel, type NodeSketch } from "../autodiff/build-model";
import { describeWithReference } from "../reference";

const codeOf = (action: () => unknown): string => {
  try {
    action();
    return "none";
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
};

const side = 16;
const patches = 4;
const width = 12;
const heads = 3;

const random = new CounterRandom(5, 1);
const weights = (...dims: number[]) =>
  float32Tensor(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal(0, 0.4)),
    dims,
  );

function model(
  nodes: readonly NodeSketch[],
  initializers: Record<string, ReturnType<typeof float32Tensor>>,
  batch: string | number = "N",
): Model {
  return buildModel({
    inputs: { image: [batch, 3, side, side] },
    outputs: { scores: [batch, 2] },
    nodes,
    initializers: { ...initializers, head: initializers["head"] ?? weights(width, 2) },
  });
}

const image = Float32Array.from({ length: 3 * side * side }, (_, index) => Math.sin(index * 0.7) + (index % 7) / 7);

async function camOf(source: Model, layer?: string): Promise<Float32Array> {
  const classifier = await loadModel(writeModel(source), { cacheFolder: null });
  try {
    const { map } = await gradCam(classifier.layerGradient({ classIndex: 1, of: "logit" }, layer), image, [
      3,
      side,
      side,
    ]);
    return map;
  } finally {
    await classifier.close();
  }
}

const convolution: NodeSketch[] = [
  ["Conv", ["image", "kernel"], ["conv"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [4, 4] }],
  ["Relu", ["conv"], ["map"]],
];
const kernel = weights(width, 3, 3, 3);

describe("maps of convolutions", () => {
  const plainTail: NodeSketch[] = [
    ["GlobalAveragePool", ["map"], ["pooled"]],
    ["Flatten", ["pooled"], ["features"]],
    ["MatMul", ["features", "head"], ["scores"]],
  ];

  test("the last map before the pooling is read", () => {
    const found = featureLayerOf(classModelOf(model([...convolution, ...plainTail], { kernel })));
    expect(found).toEqual({ name: "map", channels: width, rows: 4, columns: 4, order: undefined });
  });

  test("channels-last maps, as Keras and Swin end in, are read by their own axes", async () => {
    const source = model(
      [
        ...convolution,
        ["Transpose", ["map"], ["last"], { perm: [0, 2, 3, 1] }],
        ["Mul", ["last", "scale"], ["scaled"]],
        ["Flatten", ["scaled"], ["features"]],
        ["MatMul", ["features", "head"], ["scores"]],
      ],
      { kernel, scale: float32Tensor(1), head: weights(width * 16, 2) },
    );
    const found = featureLayerOf(classModelOf(source));
    expect(found).toMatchObject({ name: "scaled", channels: width, rows: 4, columns: 4 });
    // [row, column, channel] of channel 1, row 0, column 0 is element 1.
    expect(found.order?.[16]).toBe(1);
    expect([...(await camOf(source))]).toEqual([...(await camOf(source, "map"))]);
  });

  test.each([
    ["a normalisation over 1 × 1 × C behind the pooling", [1, 2, 3]],
    ["one over channels last", [2, 3, 1]],
  ])("%s is no map", (_what, perm) => {
    const source = model(
      [
        ...convolution,
        ["GlobalAveragePool", ["map"], ["pooled"]],
        ["Transpose", ["pooled"], ["turned"], { perm: [0, ...perm] }],
        ["LayerNormalization", ["turned", "gain"], ["normalised"], { axis: -1 }],
        ["Flatten", ["normalised"], ["features"]],
        ["MatMul", ["features", "head"], ["scores"]],
      ],
      { kernel, gain: float32Tensor(new Float32Array(perm[2] === 1 ? width : 1).fill(1)) },
    );
    expect(featureLayerOf(classModelOf(source)).name).toBe("map");
  });

  test("tiles folded into the batch are put together again", async () => {
    const half = side / 2;
    const cut: NodeSketch[] = [
      ["Reshape", ["image", "cells"], ["cells.of"]],
      ["Transpose", ["cells.of"], ["by.tile"], { perm: [0, 2, 4, 1, 3, 5] }],
      ["Reshape", ["by.tile", "tiles"], ["tiled"]],
      ["Conv", ["tiled", "kernel"], ["conv"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] }],
      ["Relu", ["conv"], ["map"]],
      ["GlobalAveragePool", ["map"], ["pooled"]],
      ["Reshape", ["pooled", "per.image"], ["by.image"]],
      ["ReduceMean", ["by.image", "one"], ["features"], { keepdims: 0 }],
      ["MatMul", ["features", "head"], ["scores"]],
    ];
    const source = model(cut, {
      kernel,
      cells: int64Tensor([-1, 3, 2, half, 2, half], [6]),
      tiles: int64Tensor([-1, 3, half, half], [4]),
      "per.image": int64Tensor([-1, 4, width], [3]),
      one: int64Tensor([1], [1]),
    });
    const found = featureLayerOf(classModelOf(source));
    expect(found).toMatchObject({ name: "map", channels: width, rows: 8, columns: 8 });
    const map = await camOf(source);
    const quarters = [0, 1].flatMap((down) =>
      [0, 1].map((right) =>
        map.filter((_, at) => Math.floor(at / side / half) === down && Math.floor((at % side) / half) === right),
      ),
    );
    expect(new Set(quarters.map((quarter) => quarter.join()))).toHaveProperty("size", 4);
  });

  test("a map of one cell is read where it is named, and not otherwise", () => {
    const source = classModelOf(model([...convolution, ...plainTail], { kernel }));
    expect(featureLayerOf(source, "pooled")).toMatchObject({ channels: width, rows: 1, columns: 1 });
    expect(codeOf(() => featureLayerOf(source, "features"))).toMatch(/^model.not-a-feature-map/);
  });

  test("where nothing lies on the grid there is none, and a name on the way is not believed", () => {
    const source = model(
      [
        ["Flatten", ["image"], ["flat"]],
        ["MatMul", ["flat", "mix"], ["mixed"]],
        ["Reshape", ["mixed", "square"], ["square.of"]],
        ["Relu", ["square.of"], ["positive"]],
        ["Flatten", ["positive"], ["features"]],
        ["MatMul", ["features", "head"], ["scores"]],
      ],
      { mix: weights(3 * side * side, 36), square: int64Tensor([-1, 4, 3, 3], [4]), head: weights(36, 2) },
    );
    expect(codeOf(() => featureLayerOf(classModelOf(source)))).toMatch(/^model.no-feature-map/);
    expect(codeOf(() => featureLayerOf(classModelOf(source), "features"))).toMatch(/^model.not-a-feature-map/);
    expect(codeOf(() => featureLayerOf(classModelOf(source), "positiv"))).toMatch(/^model.unknown-layer/);
  });
});

/** Attention with a skip connection; its values end in `.index`. */
function block(index: number, input: string): NodeSketch[] {
  const name = (part: string): string => `${part}.${index}`;
  return [
    ["LayerNormalization", [input, "gain"], [name("norm")], { axis: -1 }],
    ["MatMul", [name("norm"), "qkv"], [name("projected")]],
    ["Reshape", [name("projected"), "split"], [name("heads")]],
    ["Transpose", [name("heads")], [name("turned")], { perm: [2, 0, 3, 1, 4] }],
    ["Split", [name("turned")], [name("q4"), name("k4"), name("v4")], { axis: 0, num_outputs: 3 }],
    ...["q", "k", "v"].map((part): NodeSketch => ["Squeeze", [name(`${part}4`), "zero"], [name(part)]]),
    ["Transpose", [name("k")], [name("kt")], { perm: [0, 1, 3, 2] }],
    ["MatMul", [name("q"), name("kt")], [name("weights")]],
    ["Softmax", [name("weights")], [name("attention")], { axis: -1 }],
    ["MatMul", [name("attention"), name("v")], [name("mixed")]],
    ["Transpose", [name("mixed")], [name("joined4")], { perm: [0, 2, 1, 3] }],
    ["Reshape", [name("joined4"), "join"], [name("joined")]],
    ["MatMul", [name("joined"), "out"], [name("output")]],
    ["Add", [input, name("output")], [name("sum")]],
  ];
}

/** Patches, an extra token or two, one or two blocks of attention with skip connections, and a head on the class token or the mean. */
function transformer({ extras, pooling }: { extras: number; pooling: "class" | "mean" }): Model {
  const tokens = patches * patches + extras;
  const depth = width / heads;
  const nodes: NodeSketch[] = [
    ["Conv", ["image", "patch"], ["patches"], { kernel_shape: [4, 4], strides: [4, 4] }],
    ["Reshape", ["patches", "flat"], ["rows"]],
    ["Transpose", ["rows"], ["tokens"], { perm: [0, 2, 1] }],
    ...(extras > 0
      ? ([
          ["Shape", ["image"], ["extent"]],
          ["Slice", ["extent", "zero", "one"], ["batch"]],
          ["Concat", ["batch", "extra.shape"], ["extra.dims"], { axis: 0 }],
          ["Expand", ["extra", "extra.dims"], ["extra.of"]],
          ["Concat", ["extra.of", "tokens"], ["all"], { axis: 1 }],
        ] satisfies NodeSketch[])
      : ([["Identity", ["tokens"], ["all"]]] satisfies NodeSketch[])),
    ["Add", ["all", "position"], ["placed"]],
    ...block(0, "placed"),
    ...block(1, "sum.0"),
    ["LayerNormalization", ["sum.1", "gain"], ["last"], { axis: -1 }],
    ...(pooling === "class"
      ? ([["Gather", ["last", "first"], ["features"], { axis: 1 }]] satisfies NodeSketch[])
      : ([["ReduceMean", ["last", "one"], ["features"], { keepdims: 0 }]] satisfies NodeSketch[])),
    ["MatMul", ["features", "head"], ["scores"]],
  ];
  return model(nodes, {
    patch: weights(width, 3, 4, 4),
    flat: int64Tensor([0, width, -1], [3]),
    extra: weights(1, extras || 1, width),
    "extra.shape": int64Tensor([extras || 1, width], [2]),
    position: weights(1, tokens, width),
    gain: float32Tensor(new Float32Array(width).fill(1)),
    qkv: weights(width, 3 * width),
    split: int64Tensor([0, tokens, 3, heads, depth], [5]),
    join: int64Tensor([0, tokens, width], [3]),
    out: weights(width, width),
    zero: int64Tensor([0], [1]),
    one: int64Tensor([1], [1]),
    first: int64Tensor(0, []),
  });
}

describe("tokens of a transformer", () => {
  test("lie back on their grid; the mean reads the last ones", async () => {
    const source = transformer({ extras: 0, pooling: "mean" });
    const found = featureLayerOf(classModelOf(source));
    expect(found).toMatchObject({ name: "last", channels: width, rows: patches, columns: patches });
    // Token 1 (row 0, column 1), channel 2.
    expect(found.order?.[2 * 16 + 1]).toBe(1 * width + 2);
    expect((await camOf(source)).some((value) => value > 0)).toBe(true);
  });

  test.each([1, 5])(
    "a head on the class token among %s of no place reads what its last attention saw",
    async (extras) => {
      const source = transformer({ extras, pooling: "class" });
      const found = featureLayerOf(classModelOf(source));
      expect(found).toMatchObject({ name: "norm.1", channels: width, rows: patches, columns: patches });
      expect(found.order?.[0]).toBe(extras * width);
      expect((await camOf(source)).some((value) => value > 0)).toBe(true);
    },
  );

  test.each(["weights.1", "attention.1"])("attention weights (%s) are refused by name too", (name) => {
    expect(codeOf(() => featureLayerOf(classModelOf(transformer({ extras: 1, pooling: "class" })), name))).toMatch(
      /^model.not-a-feature-map: .*closest feature maps are/,
    );
  });
});

test("windows, shifts and merged patches keep the grid through their skip connections and linear layers", () => {
  const [rows, inner] = [4, 2];
  const source = model(
    [
      ["Conv", ["image", "patch"], ["patches"], { kernel_shape: [4, 4], strides: [4, 4] }],
      ["Transpose", ["patches"], ["last"], { perm: [0, 2, 3, 1] }],
      // Windows of 2 × 2, a linear layer within, and back.
      ["Reshape", ["last", "windows"], ["cut"]],
      ["Transpose", ["cut"], ["by.window"], { perm: [0, 1, 3, 2, 4, 5] }],
      ["Reshape", ["by.window", "folded"], ["in.window"]],
      ["MatMul", ["in.window", "linear"], ["within"]],
      ["Reshape", ["within", "unfolded"], ["back4"]],
      ["Transpose", ["back4"], ["back"], { perm: [0, 1, 3, 2, 4, 5] }],
      ["Reshape", ["back", "whole"], ["whole.of"]],
      // A cyclic shift cannot be followed; the sum with what came in can.
      ["Slice", ["whole.of", "one", "end", "one"], ["lower"]],
      ["Slice", ["whole.of", "zero", "one", "one"], ["upper"]],
      ["Concat", ["lower", "upper"], ["shifted"], { axis: 1 }],
      ["Add", ["last", "shifted"], ["sum"]],
      // Four neighbours become one place with four times the channels.
      ["Reshape", ["sum", "windows"], ["pairs"]],
      ["Transpose", ["pairs"], ["gathered"], { perm: [0, 1, 3, 4, 2, 5] }],
      ["Reshape", ["gathered", "merged"], ["merged.of"]],
      ["MatMul", ["merged.of", "reduce"], ["stage"]],
      ["ReduceMean", ["stage", "both"], ["features"], { keepdims: 0 }],
      ["MatMul", ["features", "head"], ["scores"]],
    ],
    {
      patch: weights(width, 3, 4, 4),
      windows: int64Tensor([-1, rows / inner, inner, rows / inner, inner, width], [6]),
      folded: int64Tensor([-1, inner * inner, width], [3]),
      linear: weights(width, width),
      unfolded: int64Tensor([-1, rows / inner, rows / inner, inner, inner, width], [6]),
      whole: int64Tensor([-1, rows, rows, width], [4]),
      zero: int64Tensor([0], [1]),
      one: int64Tensor([1], [1]),
      end: int64Tensor([1000], [1]),
      merged: int64Tensor([-1, rows / inner, rows / inner, 4 * width], [4]),
      reduce: weights(4 * width, 2 * width),
      both: int64Tensor([1, 2], [2]),
      head: weights(2 * width, 2),
    },
  );
  expect(featureLayerOf(classModelOf(source))).toMatchObject({
    name: "stage",
    channels: 2 * width,
    rows: 2,
    columns: 2,
  });
  expect(featureLayerOf(classModelOf(source), "sum")).toMatchObject({ channels: width, rows: 4, columns: 4 });
  expect(featureLayerOf(classModelOf(source), "whole.of")).toMatchObject({ channels: width, rows: 4, columns: 4 });
});

describeWithReference("models that people reported", (folder) => {
  test.each([
    ["nhwc-flatten-gradcam/keras-flatten.onnx", "v6", [16, 16, 16]],
    ["nhwc-flatten-gradcam/swin-tail.onnx", "v6", [16, 16, 16]],
    ["vit-gradcam/vit.onnx", "v26", [12, 8, 8]],
  ])("%s", (file, name, dims) => {
    const where = path.join(folder, "field", file);
    expect(existsSync(where)).toBe(true);
    const { channels, rows, columns, ...found } = featureLayerOf(classModelOf(readModel(readFileSync(where))));
    expect([found.name, [channels, rows, columns]]).toEqual([name, dims]);
  });
});
