import { classModelOf } from "../../lib/inference/class-model";
import { featureLayerOf } from "../../lib/inference/feature-layer";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import type { Dimension, Graph, Model, ValueInfo } from "../../lib/onnx/model";

const float = (name: string, shape: readonly Dimension[]): ValueInfo => ({ name, dataType: "float32", shape });

function modelWith(inputs: ValueInfo[], write: (builder: GraphBuilder, graph: Graph) => void): Model {
  const graph: Graph = { name: "test", nodes: [], inputs, outputs: [], initializers: new Map(), valueInfo: new Map() };
  write(new GraphBuilder(graph), graph);
  return {
    irVersion: 8,
    producerName: "",
    producerVersion: "",
    opsets: new Map([["", 18]]),
    graph,
    metadata: new Map(),
  };
}

function convolutional(inputs: ValueInfo[], head?: "Softmax"): Model {
  return modelWith(inputs, (builder, graph) => {
    const image = inputs.find(({ shape }) => shape?.length === 4)?.name ?? inputs[0]!.name;
    const kernel = builder.float32(new Float32Array(4 * 3 * 9).fill(0.1), [4, 3, 3, 3]);
    const x = builder.add("Relu", [builder.add("Conv", [image, kernel], { pads: [1, 1, 1, 1] }, "conv")], {}, "relu");
    const pooled = builder.add("Flatten", [builder.add("GlobalAveragePool", [x], {}, "pool")], { axis: 1 }, "flat");
    const logits = builder.add("Gemm", [pooled, builder.float32(new Float32Array(20).fill(0.5), [4, 5])], {}, "scores");
    if (head) builder.add(head, [logits], { axis: -1 }, "probabilities");
    graph.outputs.push(float(head ? "probabilities" : "scores", ["N", 5]));
  });
}

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  return "no error";
};

describe("finding a classifier in a graph", () => {
  it("finds input, logits and classes", () => {
    const found = classModelOf(convolutional([float("image", ["N", 3, 32, 48])]));
    expect(found).toMatchObject({
      input: { name: "image", layout: "NCHW", channels: 3, height: 32, width: 48 },
      logits: "scores",
      classes: 5,
    });
    expect(found).toMatchObject({ head: "softmax", undecided: false });
    expect(found.activation).toBeUndefined();
    expect(found.fixedBatch).toBeUndefined();
  });

  it("peels a softmax head and says so", () => {
    const found = classModelOf(convolutional([float("image", [2, 3, 32, 32])], "Softmax"));
    expect(found).toMatchObject({
      output: "probabilities",
      logits: "scores",
      activation: "Softmax",
      head: "softmax",
      fixedBatch: 2,
    });
  });

  it("takes the asked size where the graph leaves it open, 224 where nobody asks", () => {
    const open = [float("image", ["N", 3, "height", "width"])];
    expect(classModelOf(convolutional(open), { size: { height: 40, width: 50 } }).input).toMatchObject({
      height: 40,
      width: 50,
    });
    expect(classModelOf(convolutional(open)).input).toMatchObject({ height: 224, width: 224 });
    expect(
      codeOf(() =>
        classModelOf(convolutional([float("image", ["N", 3, 32, 32])]), { size: { height: 40, width: 32 } }),
      ),
    ).toMatch(/^model.size: .*height of 32 pixels.*40/);
  });

  it("puts channels first where the file has them last", () => {
    const model = modelWith([float("image", ["N", 16, 16, 3])], (builder, graph) => {
      builder.add("ReduceMean", ["image", builder.int64([1, 2])], { keepdims: 0 }, "scores");
      graph.outputs.push(float("scores", ["N", 3]));
    });
    const found = classModelOf(model);
    expect(found.input).toEqual({ name: "image", layout: "NHWC", channels: 3, height: 16, width: 16 });
    expect(found.model.graph.inputs[0]?.shape).toEqual(["N", 3, 16, 16]);
    expect(model.graph.inputs[0]?.shape).toEqual(["N", 16, 16, 3]);
  });

  it.each<[string, ValueInfo[], RegExp]>([
    [
      "images of signed bytes",
      [{ name: "image", dataType: "int8", shape: ["N", 3, 32, 32] }],
      /^model.input: .*"image" \(int8 \[N, 3, 32, 32\]\)/,
    ],
    ["inputs of three axes", [float("image", ["N", 3, 32])], /^model.input: Expected a float input of four axes/],
    ["channels nowhere", [float("image", ["N", "c", "h", "w"])], /^model.layout: /],
  ])("refuses %s", (_what, inputs, message) => {
    expect(codeOf(() => classModelOf(convolutional(inputs)))).toMatch(message);
  });

  it("refuses an input or output that is not there, naming those that are", () => {
    const model = convolutional([float("image", ["N", 3, 32, 32])]);
    expect(codeOf(() => classModelOf(model, { input: "imag" }))).toMatch(/^model.input: .*"imag".*"image"/);
    expect(codeOf(() => classModelOf(model, { output: "score" }))).toMatch(/^autodiff.unknown-name: .*"scores"/);
  });
});

describe("the layer that Grad-CAM reads", () => {
  const found = classModelOf(convolutional([float("image", ["N", 3, 32, 32])]));

  it("is the last that lies on the grid, unless one is named", () => {
    expect(featureLayerOf(found).name).toBe("relu");
    expect(featureLayerOf(found, "conv").name).toBe("conv");
  });

  it("must exist, and be a feature map", () => {
    expect(codeOf(() => featureLayerOf(found, "layer4"))).toMatch(/^model.unknown-layer: .*"conv"/);
    expect(codeOf(() => featureLayerOf(found, "flat"))).toMatch(/^model.not-a-feature-map: .*"flat" has \[N, 4\]/);
    const flat = classModelOf(
      modelWith([float("image", ["N", 3, 4, 4])], (builder, graph) => {
        builder.add("Flatten", ["image"], { axis: 1 }, "scores");
        graph.outputs.push(float("scores", ["N", 48]));
      }),
    );
    expect(codeOf(() => featureLayerOf(flat))).toMatch(/^model.no-feature-map/);
  });
});
