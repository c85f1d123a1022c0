import * as fc from "fast-check";
import { absorbScales } from "../../../lib/autodiff/passes/gradient/absorb-scales";
import { anchorLayout } from "../../../lib/autodiff/passes/gradient/anchor-layout";
import { averagePoolBeforeConvolution } from "../../../lib/autodiff/passes/gradient/average-pool-before-convolution";
import { batchStatisticsAsReductions } from "../../../lib/autodiff/passes/training/batch-statistics-as-reductions";
import { channelAffineAsConvolution } from "../../../lib/autodiff/passes/gradient/channel-affine-as-convolution";
import { foldBatchNormalization } from "../../../lib/autodiff/passes/gradient/fold-batch-normalization";
import { fullResizeSizes } from "../../../lib/autodiff/passes/gradient/full-resize-sizes";
import { maxPoolBeforeRelu } from "../../../lib/autodiff/passes/max-pool-before-relu";
import { narrowingConvolutionAsTransposed } from "../../../lib/autodiff/passes/training/narrowing-convolution-as-transposed";
import { normalizationAsDepthwise } from "../../../lib/autodiff/passes/training/normalization-as-depthwise";
import type { Pass } from "../../../lib/autodiff/passes/rewriting";
import { recomputeActivations } from "../../../lib/autodiff/passes/training/recompute-activations";
import { depthwiseAsProducts } from "../../../lib/autodiff/passes/training/depthwise-as-products";
import { scaleInWeights } from "../../../lib/autodiff/passes/training/scale-in-weights";
import { shareBatchStatistics } from "../../../lib/autodiff/passes/training/share-batch-statistics";
import { sinkConcat } from "../../../lib/autodiff/passes/gradient/sink-concat";
import { stridedConvolutionOfBlocks } from "../../../lib/autodiff/passes/training/strided-convolution-of-blocks";
import { splitConvolution } from "../../../lib/autodiff/passes/gradient/split-convolution";
import { sumOfProducts } from "../../../lib/autodiff/passes/training/sum-of-products";
import { sumOfVectors } from "../../../lib/autodiff/passes/training/sum-of-vectors";
import { differentiate } from "../../../lib/autodiff/differentiate";
import { Session } from "../../../lib/inference/session";
import { float } from "../../../lib/onnx/attributes";
import { GraphBuilder } from "../../../lib/onnx/graph-builder";
import type { Graph, Model, Tensor } from "../../../lib/onnx/model";
import { specialize } from "../../../lib/onnx/specialize";
import { elementCount, float32Tensor } from "../../../lib/onnx/tensor";
import { writeModel } from "../../../lib/onnx/write-model";
import { maxRelative } from "../../fingerprint";

/** Numbers that look random and are the same in every run. */
function noise(count: number, seed: number, low = -1, high = 1): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => {
    const wave = Math.sin((index + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return low + (high - low) * (wave - Math.floor(wave));
  });
}

class Network {
  private seed = 1;
  constructor(readonly builder: GraphBuilder) {}

  convolution(
    x: string,
    from: number,
    to: number,
    kernel: number,
    options: { bias?: boolean; stride?: number; group?: number } = {},
  ): string {
    const { bias = false, stride = 1, group = 1 } = options;
    const dims = [to, from / group, kernel, kernel];
    const inputs = [x, this.builder.float32(noise(elementCount(dims), this.seed++, -0.5, 0.5), dims)];
    if (bias) inputs.push(this.builder.float32(noise(to, this.seed++)));
    const pad = Math.floor((kernel - 1) / 2);
    return this.builder.add("Conv", inputs, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      group,
    });
  }

  normalisation(x: string, channels: number): string {
    // Negative scales too: they are what a careless commutation would get wrong.
    const parameters = [
      noise(channels, this.seed++, -1.5, 1.5),
      noise(channels, this.seed++),
      noise(channels, this.seed++),
      noise(channels, this.seed++, 0.5, 2),
    ];
    return this.builder.add("BatchNormalization", [x, ...parameters.map((values) => this.builder.float32(values))]);
  }
}

const shape = [2, 16, 8, 8];

function network(write: (net: Network, x: string) => string): Model {
  const graph: Graph = {
    name: "test",
    nodes: [],
    inputs: [{ name: "x", dataType: "float32", shape }],
    outputs: [],
    initializers: new Map(),
    valueInfo: new Map(),
  };
  const y = write(new Network(new GraphBuilder(graph)), "x");
  graph.outputs.push({ name: y, dataType: "float32", shape: undefined });
  const model: Model = {
    irVersion: 8,
    producerName: "",
    producerVersion: "",
    opsets: new Map([["", 18]]),
    graph,
    metadata: new Map(),
  };
  return specialize(model, { x: shape });
}

async function run(model: Model, image: Float32Array): Promise<Map<string, Tensor>> {
  const session = await Session.open(writeModel(model), { threads: 1 });
  const feeds = Object.fromEntries(
    model.graph.inputs.map(({ name, shape: dims }) => [
      name,
      float32Tensor(name === "x" ? image : noise(elementCount(dims as number[]), 99), dims as number[]),
    ]),
  );
  const outputs = await session.run(feeds);
  await session.close();
  return outputs;
}

async function expectEqual(before: Model, after: Model, image = noise(elementCount(shape), 5)): Promise<void> {
  const [was, is] = [await run(before, image), await run(after, image)];
  expect([...is.keys()]).toEqual([...was.keys()]);
  for (const [name, tensor] of was) {
    expect(is.get(name)?.dims).toEqual(tensor.dims);
    expect({
      name,
      close: maxRelative(is.get(name)!.data as Float32Array, tensor.data as Float32Array) < 2e-5,
    }).toEqual({ name, close: true });
  }
}

const operators = (model: Model): string[] => model.graph.nodes.map(({ operator }) => operator);
const typed = (model: Model): Model =>
  specialize(model, Object.fromEntries(model.graph.inputs.map(({ name, shape: dims }) => [name, dims as number[]])));
const gradientOf = (model: Model): Model => typed(differentiate(model));

const masked = (net: Network, g: string, y: string): string =>
  net.builder.add("Mul", [g, net.builder.add("HardSigmoid", [y], { alpha: float(3e38), beta: float(0) })]);
const factors = (net: Network): string => net.builder.float32(noise(8, 3, -2, 2), [1, 8, 1, 1]);

/** Images with rows of zeros and of equal numbers: ties of pools, units at zero. */
const flatImage = noise(elementCount(shape), 7).map((value, index) =>
  index % 5 === 0 ? 0.25 : Math.floor(index / 8) % 3 === 0 ? 0 : value,
);

describe("passes over the network to be differentiated: same outputs, same gradients", () => {
  const cases: [string, Pass, Model, (before: string[], after: string[]) => void][] = [
    [
      "foldBatchNormalization",
      foldBatchNormalization,
      network((net, x) => net.normalisation(net.convolution(x, 16, 8, 3, { bias: true }), 8)),
      (_before, after) => expect(after).toEqual(["Conv"]),
    ],
    [
      "foldBatchNormalization without bias, grouped",
      foldBatchNormalization,
      network((net, x) => net.normalisation(net.convolution(x, 16, 16, 3, { group: 4 }), 16)),
      (_before, after) => expect(after).toEqual(["Conv"]),
    ],
    [
      "foldBatchNormalization leaves what others read",
      foldBatchNormalization,
      network((net, x) => {
        const convolved = net.convolution(x, 16, 16, 1);
        return net.builder.add("Add", [net.normalisation(convolved, 16), convolved]);
      }),
      (before, after) => expect(after).toEqual(before),
    ],
    [
      "averagePoolBeforeConvolution",
      averagePoolBeforeConvolution,
      network((net, x) =>
        net.builder.add("AveragePool", [net.convolution(x, 16, 4, 1, { bias: true })], {
          kernel_shape: [2, 2],
          strides: [2, 2],
        }),
      ),
      (_before, after) => expect(after).toEqual(["AveragePool", "Conv"]),
    ],
    [
      "averagePoolBeforeConvolution leaves padded pools",
      averagePoolBeforeConvolution,
      network((net, x) =>
        net.builder.add("AveragePool", [net.convolution(x, 16, 4, 1, { bias: true })], {
          kernel_shape: [3, 3],
          strides: [2, 2],
          pads: [1, 1, 1, 1],
          count_include_pad: 1,
        }),
      ),
      (before, after) => expect(after).toEqual(before),
    ],
    [
      "maxPoolBeforeRelu",
      maxPoolBeforeRelu,
      network((net, x) =>
        net.convolution(
          net.builder.add("MaxPool", [net.builder.add("Relu", [x])], {
            kernel_shape: [3, 3],
            strides: [2, 2],
            pads: [1, 1, 1, 1],
          }),
          16,
          4,
          1,
        ),
      ),
      (_before, after) => expect(after).toEqual(["MaxPool", "Relu", "Conv"]),
    ],
    [
      "sinkConcat",
      sinkConcat,
      network((net, x) => {
        const features = [net.convolution(x, 16, 128, 1)];
        let y = features[0]!;
        for (let layer = 0; layer < 5; layer++) {
          const channels = 128 + 32 * layer;
          const seen = layer === 0 ? y : net.builder.add("Concat", features, { axis: 1 });
          y = net.convolution(net.builder.add("Relu", [net.normalisation(seen, channels)]), channels, 32, 1, {
            bias: layer % 2 === 0,
          });
          features.push(y);
        }
        return net.builder.add("Concat", features, { axis: 1 });
      }),
      (_before, after) => expect(after.filter((operator) => operator === "Concat").length).toBe(4),
    ],
    [
      "sinkConcat leaves layers that are outputs",
      sinkConcat,
      network((net, x) => {
        const joined = net.builder.add("Concat", [net.convolution(x, 16, 128, 1), x], { axis: 1 });
        return net.builder.add("Relu", [net.normalisation(joined, 144)]);
      }),
      (before, after) => expect(after).toEqual(before),
    ],
  ];

  it.each(cases)("%s", async (_name, pass, before, expectOperators) => {
    const after = pass(before);
    expectOperators(operators(before), operators(after));
    await expectEqual(gradientOf(before), gradientOf(after));
    await expectEqual(gradientOf(before), gradientOf(after), flatImage);
  });
});

describe("passes over finished graphs: same outputs", () => {
  it("splitConvolution", async () => {
    const before = network((net, x) => {
      const [first, second] = net.builder.addMany(
        "Split",
        [net.convolution(x, 16, 12, 3, { bias: true }), net.builder.int64([4, 8])],
        2,
        { axis: 1 },
      );
      return net.convolution(net.builder.add("Concat", [second!, first!], { axis: 1 }), 12, 4, 1);
    });
    const after = splitConvolution(before);
    expect(operators(after)).not.toContain("Split");
    await expectEqual(before, after);
  });

  it("absorbScales, through masks and sums", async () => {
    const before = network((net, x) => {
      const sum = net.builder.add("Add", [net.convolution(x, 16, 8, 1), net.convolution(x, 16, 8, 3)]);
      const scaled = net.builder.add("Mul", [masked(net, sum, net.convolution(x, 16, 8, 1)), factors(net)]);
      return net.builder.add("Mul", [net.convolution(scaled, 8, 8, 1), net.builder.float32(0.25)]);
    });
    const after = absorbScales(before);
    expect(operators(after).filter((operator) => operator === "Mul").length).toBe(1);
    await expectEqual(before, after);
  });

  it("absorbScales leaves a value that decides its own mask, as guided backpropagation has it", async () => {
    const before = network((net, x) => {
      const g = net.convolution(x, 16, 8, 1);
      return net.builder.add("Mul", [
        masked(net, net.builder.add("Relu", [g]), net.convolution(x, 16, 8, 1)),
        factors(net),
      ]);
    });
    expect(operators(absorbScales(before))).toEqual(operators(before));
    const twice = network((net, x) => {
      const g = net.convolution(x, 16, 8, 1);
      return net.builder.add("Mul", [masked(net, g, g), factors(net)]);
    });
    expect(operators(absorbScales(twice))).toEqual(operators(twice));
  });

  it("channelAffineAsConvolution", async () => {
    const before = network((net, x) => {
      const y = net.builder.add("Sigmoid", [net.normalisation(x, 16)]);
      const complement = net.builder.add("Sub", [net.builder.float32(1), y]);
      const shifted = net.builder.add("Sub", [
        net.builder.add("Add", [complement, net.builder.float32(noise(16, 4), [16, 1, 1])]),
        net.builder.float32(0.5),
      ]);
      return net.builder.add("Mul", [net.builder.float32(noise(16, 8), [1, 16, 1, 1]), shifted]);
    });
    const after = channelAffineAsConvolution(before);
    expect(new Set(operators(after))).toEqual(new Set(["Conv", "Sigmoid"]));
    await expectEqual(before, after);
  });

  it.each([
    [7, 2],
    [3, 2],
    [5, 3],
    [8, 4],
  ])(
    "stridedConvolutionOfBlocks, kernel %i, stride %i: outputs and the gradients of image and weights",
    async (kernel, stride) => {
      const before = network((net, x) =>
        net.convolution(net.convolution(x, 16, 3, 1), 3, 6, kernel, { stride, bias: true }),
      );
      const after = stridedConvolutionOfBlocks(before);
      expect(operators(after)).toContain("SpaceToDepth");
      await expectEqual(before, after);
      const weights = [...before.graph.initializers.keys()];
      const ofAll = (model: Model): Model => typed(differentiate(model, { wrt: ["x", ...weights] }));
      await expectEqual(ofAll(before), ofAll(after));
    },
  );

  it.each([
    [3, 1, 1, [1, 1, 1, 1]],
    [3, 2, 1, [0, 0, 1, 1]],
    [5, 2, 1, [1, 1, 2, 2]],
    [3, 1, 2, [0, 3, 2, 0]],
  ])(
    "depthwiseAsProducts, kernel %i, stride %i, dilation %i: outputs and the gradients of image and weights",
    async (kernel, stride, dilation, pads) => {
      const before = network((net, x) =>
        net.builder.add("Conv", [x, net.builder.float32(noise(16 * kernel * kernel, 3), [16, 1, kernel, kernel])], {
          strides: [stride, stride],
          dilations: [dilation, dilation],
          pads,
          group: 16,
        }),
      );
      const after = depthwiseAsProducts(before);
      expect(operators(after)).not.toContain("Conv");
      await expectEqual(before, after);
      const weights = before.graph.nodes.map(({ inputs }) => inputs[1] ?? "");
      const ofAll = (model: Model): Model => typed(differentiate(model, { wrt: ["x", ...weights] }));
      await expectEqual(ofAll(before), ofAll(after));
    },
  );

  it("depthwiseAsProducts: what lies between computes channels first, moved there and back once", async () => {
    const before = network((net, x) => {
      const { builder } = net;
      const six = (value: string): string => builder.add("Clip", [value, builder.float32(0), builder.float32(6)]);
      const depthwise = (value: string, channels: number, seed: number): string =>
        builder.add("Conv", [value, builder.float32(noise(channels * 9, seed), [channels, 1, 3, 3])], {
          pads: [1, 1, 1, 1],
          group: channels,
        });
      const block = (value: string, seed: number): string => {
        const wide = six(net.normalisation(net.convolution(value, 16, 24, 1), 24));
        return net.convolution(six(net.normalisation(depthwise(wide, 24, seed), 24)), 24, 16, 1);
      };
      const mask = builder.float32([0, 2], [2, 1, 1, 1]);
      const once = builder.add("Add", [builder.add("Mul", [block(x, 3), mask]), x]);
      const twice = builder.add("Add", [block(once, 4), once]);
      // Neither sees one position at a time: the usual form is given back.
      return builder.add("Add", [
        net.convolution(twice, 16, 4, 3),
        builder.add("GlobalAveragePool", [net.convolution(twice, 16, 4, 1)]),
      ]);
    });
    const after = depthwiseAsProducts(before);
    // There, back for the convolution, and the channel means.
    expect(
      ["Transpose", "Conv", "MatMul"].map((operator) => operators(after).filter((one) => one === operator).length),
    ).toEqual([3, 6, 4]);
    await expectEqual(before, after);
    await expectEqual(gradientOf(before), gradientOf(after));
  });

  it.each([
    [3, 1],
    [3, 0],
    [5, 2],
    [1, 0],
  ])("narrowingConvolutionAsTransposed, kernel %i, pad %i", async (kernel, pad) => {
    const before = network((net, x) => {
      const weights = net.builder.add("Mul", [
        net.builder.float32(noise(8 * 16 * kernel * kernel, 3), [8, 16, kernel, kernel]),
        net.builder.add("ReduceMax", [x], { keepdims: 0 }),
      ]);
      return net.builder.add("Conv", [x, weights, net.builder.float32(noise(8, 4))], {
        kernel_shape: [kernel, kernel],
        pads: [pad, pad, pad, pad],
      });
    });
    const after = narrowingConvolutionAsTransposed(before);
    expect(operators(after).includes("ConvTranspose")).toBe(kernel > 1);
    await expectEqual(before, after);
    const twice = narrowingConvolutionAsTransposed(gradientOf(before));
    expect(operators(twice).filter((operator) => operator === "Slice").length).toBe(
      operators(gradientOf(before)).filter((operator) => operator === "Slice").length,
    );
    await expectEqual(gradientOf(before), twice);
  });

  it("fullResizeSizes", async () => {
    const before = network((net, x) =>
      net.builder.add("Resize", [x, "", "", net.builder.int64([16, 24])], {
        axes: [2, 3],
        mode: "linear",
        coordinate_transformation_mode: "align_corners",
      }),
    );
    const after = fullResizeSizes(before);
    expect(after.graph.nodes[0]?.attributes["axes"]).toBeUndefined();
    await expectEqual(before, after);
    const uneven = network((net, x) =>
      net.builder.add("Resize", [x, "", "", net.builder.int64([13, 16])], { axes: [2, 3], mode: "linear" }),
    );
    expect(fullResizeSizes(uneven).graph.nodes[0]?.attributes["axes"]).toBeDefined();
  });

  it("anchorLayout", async () => {
    const before = network((net, x) => {
      const [, half] = net.builder.addMany("Split", [net.convolution(x, 16, 32, 1), net.builder.int64([16, 16])], 2, {
        axis: 1,
      });
      const [pooled] = net.builder.addMany(
        "MaxPool",
        [net.builder.add("Add", [net.convolution(x, 16, 16, 3), half!])],
        2,
        { kernel_shape: [2, 2], strides: [2, 2] },
      );
      return net.convolution(net.builder.add("Relu", [pooled!]), 16, 16, 1);
    });
    const after = anchorLayout(before);
    expect(operators(after).filter((operator) => operator === "Conv").length).toBe(5);
    await expectEqual(before, after);
  });
});

const inTraining = (model: Model): number =>
  model.graph.nodes.filter(({ attributes }) => attributes["training_mode"]).length;
const count = (model: Model, operator: string): number => operators(model).filter((name) => name === operator).length;

describe("passes over training graphs: same outputs, same gradients of image and parameters", () => {
  const training = network((net, x) => {
    const { builder } = net;
    // onnxruntime writes over these vectors: each node needs its own, and equal ones would be merged.
    let seed = 0;
    const vector = (width: number): string =>
      builder.add("Add", [
        builder.float32(noise(width, ++seed)),
        builder.add("Mul", [builder.add("ReduceMax", [x], { keepdims: 0 }), builder.float32(0)]),
      ]);
    const normalised = (y: string, channels: number): string => {
      const parameters = [
        builder.float32(noise(channels, channels, -1.5, 1.5).map((scale, channel) => (channel === 1 ? 0 : scale))),
        builder.float32(noise(channels, channels + 1)),
      ];
      return builder.addMany("BatchNormalization", [y, ...parameters, vector(channels), vector(channels)], 3, {
        training_mode: 1,
        momentum: float(0),
        epsilon: float(1e-3),
      })[0]!;
    };
    const features = [builder.add("Reshape", [x, builder.int64([1, 8, 16, 16])])];
    for (let layer = 0, channels = 8; layer < 3; layer++, channels += 4) {
      const seen = layer === 0 ? features[0]! : builder.add("Concat", features, { axis: 1 });
      features.push(net.convolution(builder.add("Relu", [normalised(seen, channels)]), channels, 4, 3));
    }
    return builder.add("GlobalAveragePool", [
      builder.add("Relu", [normalised(builder.add("Concat", features, { axis: 1 }), 20)]),
    ]);
  });
  // As in training, what convolutions multiply with is an input.
  for (const [name, { dims }] of [...training.graph.initializers].filter(([, tensor]) => tensor.dims.length === 4)) {
    training.graph.initializers.delete(name);
    training.graph.inputs.push({ name, dataType: "float32", shape: dims });
  }
  const shared = shareBatchStatistics(training);
  const parameters = [...training.graph.initializers].flatMap(([name, { dataType, data }]) =>
    dataType === "float32" && data.length > 3 && shared.graph.initializers.has(name) ? [name] : [],
  );
  const ofAll = (model: Model): Model =>
    typed(differentiate(model, { wrt: [...training.graph.inputs.map(({ name }) => name), ...parameters] }));

  it("shareBatchStatistics finds those of each feature once", async () => {
    expect([inTraining(training), inTraining(shared)]).toEqual([4, 4]);
    const reduced = batchStatisticsAsReductions(ofAll(shared));
    expect(inTraining(reduced)).toBe(0);
    await expectEqual(ofAll(training), reduced);
  });

  it("sumOfProducts", async () => {
    const before = batchStatisticsAsReductions(ofAll(shared));
    const after = sumOfProducts(before);
    expect(count(after, "MatMul")).toBeGreaterThan(count(before, "MatMul"));
    await expectEqual(before, after);
  });

  it("sumOfVectors", async () => {
    const before = batchStatisticsAsReductions(ofAll(shared));
    const after = sumOfVectors(before);
    expect(count(after, "Sum") - count(before, "Sum")).toBeGreaterThan(1);
    await expectEqual(before, after);
  });

  it("scaleInWeights, scales of zero among them", async () => {
    const before = batchStatisticsAsReductions(ofAll(shared));
    const after = scaleInWeights(before);
    expect(count(after, "Where")).toBe(3);
    await expectEqual(before, after);
  });

  it("recomputeActivations", async () => {
    const before = scaleInWeights(batchStatisticsAsReductions(ofAll(shared)));
    const after = recomputeActivations(before);
    expect(count(after, "Relu") - count(before, "Relu")).toBe(4);
    await expectEqual(before, after);
  });

  it("normalizationAsDepthwise", async () => {
    const before = batchStatisticsAsReductions(ofAll(shared));
    const after = normalizationAsDepthwise(before);
    expect([count(before, "BatchNormalization") > 0, count(after, "BatchNormalization")]).toEqual([true, 0]);
    await expectEqual(before, after);
  });
});

describe("all passes on random stacks of layers", () => {
  const layers = fc.array(
    fc.constantFrom("convolution", "normalisation", "relu", "max", "average", "residual", "dense", "sigmoid", "wide"),
    { minLength: 3, maxLength: 9 },
  );
  const all: Pass[] = [foldBatchNormalization, averagePoolBeforeConvolution, sinkConcat, maxPoolBeforeRelu];
  const finished: Pass[] = [splitConvolution, absorbScales, fullResizeSizes, channelAffineAsConvolution, anchorLayout];

  it("keep outputs and gradients", async () => {
    await fc.assert(
      fc.asyncProperty(layers, async (stack) => {
        const before = network((net, x) => {
          let y = x;
          let channels = 16;
          let side = 8;
          for (const layer of stack) {
            if (layer === "convolution") y = net.convolution(y, channels, channels, 3, { bias: side > 4 });
            if (layer === "normalisation") y = net.normalisation(y, channels);
            if (layer === "relu") y = net.builder.add("Relu", [y]);
            if (layer === "sigmoid")
              y = net.builder.add("Mul", [y, net.builder.add("Sigmoid", [net.convolution(y, channels, channels, 1)])]);
            if (layer === "residual")
              y = net.builder.add("Add", [
                net.convolution(net.builder.add("Relu", [net.normalisation(y, channels)]), channels, channels, 1),
                y,
              ]);
            if ((layer === "max" || layer === "average") && side > 2) {
              const operator = layer === "max" ? "MaxPool" : "AveragePool";
              y = net.builder.add(
                operator,
                [layer === "max" ? net.builder.add("Relu", [y]) : net.convolution(y, channels, channels, 1)],
                { kernel_shape: [2, 2], strides: [2, 2] },
              );
              side /= 2;
            }
            if (layer === "dense") {
              const joined = net.builder.add("Concat", [y, net.convolution(y, channels, 16, 1)], { axis: 1 });
              y = net.convolution(
                net.builder.add("Relu", [net.normalisation(joined, channels + 16)]),
                channels + 16,
                channels,
                1,
              );
            }
            if (layer === "wide" && channels < 128) {
              y = net.convolution(y, channels, channels * 8, 1, { stride: side > 2 ? 2 : 1 });
              channels *= 8;
              side = side > 2 ? side / 2 : side;
            }
          }
          return net.builder.add("GlobalAveragePool", [y]);
        });
        const prepared = all.reduce((model, pass) => pass(model), before);
        const optimised = finished.reduce((model, pass) => pass(model), gradientOf(prepared));
        const [was, is] = [
          await run(gradientOf(before), noise(elementCount(shape), 11)),
          await run(optimised, noise(elementCount(shape), 11)),
        ];
        for (const [name, tensor] of was)
          expect(maxRelative(is.get(name)!.data as Float32Array, tensor.data as Float32Array)).toBeLessThan(1e-3);
      }),
      { numRuns: 40, seed: 20261123 },
    );
  });
});
