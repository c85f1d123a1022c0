import { float, type AttributeValue } from "../onnx/attributes";
import { GraphBuilder } from "../onnx/graph-builder";
import type { Graph, ValueInfo } from "../onnx/model";
import type { DropoutSite, NetworkMode, ParameterRole, ParameterSpec, PathSite, RunningStatistic } from "./network";

/** A value of the graph, with its number of channels (or features). */
export interface Feature {
  readonly value: string;
  readonly channels: number;
}

/** Rows and columns of zeros: as many on every side, or so many before and after, or as TensorFlow's SAME has it. */
export type Padding = number | { readonly begin: number; readonly end: number } | "same";

export interface ConvolutionOptions {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
  /** A filter a channel, of that channel alone. */
  readonly depthwise?: boolean;
  readonly bias?: boolean;
  readonly head?: boolean;
}

export interface NormalisationOptions {
  readonly epsilon: number;
  /** Of the running statistics at a step: ONNX weighs the old value, PyTorch (momentum 0.1) the new one. */
  readonly keptShare: number;
}

const usualNormalisation: NormalisationOptions = { epsilon: 1e-5, keptShare: 0.9 };

/** Writes layers into a graph, and notes the parameters that they read. Layers are named as in PyTorch checkpoints. */
export class NetworkWriter {
  readonly parameters: ParameterSpec[] = [];
  readonly ignored = new Set<string>();
  readonly aliases = new Map<string, string>();
  readonly stages: string[] = [];
  readonly dropouts: DropoutSite[] = [];
  readonly paths: PathSite[] = [];
  readonly runningStatistics: RunningStatistic[] = [];
  readonly graph: Graph;
  readonly input: Feature;
  private readonly builder: GraphBuilder;

  constructor(
    name: string,
    private readonly mode: NetworkMode,
    channels: number,
    size: number | undefined,
  ) {
    const input: ValueInfo = {
      name: "input",
      dataType: "float32",
      shape: ["batch", channels, size ?? "height", size ?? "width"],
    };
    this.graph = { name, nodes: [], inputs: [input], outputs: [], initializers: new Map(), valueInfo: new Map() };
    this.builder = new GraphBuilder(this.graph);
    this.input = { value: input.name, channels };
  }

  convolution(layer: string, x: Feature, options: ConvolutionOptions): Feature {
    const { channels, kernel, stride = 1, padding = 0, bias = false, head = false, depthwise = false } = options;
    const channelsSeen = depthwise ? 1 : x.channels;
    const fanIn = channelsSeen * kernel * kernel;
    const inputs = [
      x.value,
      this.parameter(`${layer}.weight`, [channels, channelsSeen, kernel, kernel], "convolution", fanIn, head),
    ];
    if (bias) inputs.push(this.parameter(`${layer}.bias`, [channels], "bias", fanIn, head));
    return this.node("Conv", layer, inputs, channels, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      ...paddingAttribute(padding),
      ...(depthwise ? { group: { kind: "int", value: channels } } : {}),
    });
  }

  /** Doubles height and width by a transposed convolution of kernel and stride 2, with bias. */
  upConvolution(layer: string, x: Feature, channels: number): Feature {
    // PyTorch counts the second extent as fan-in whichever way the convolution runs.
    const fanIn = channels * 4;
    const weight = this.parameter(`${layer}.weight`, [x.channels, channels, 2, 2], "convolution", fanIn, false);
    const bias = this.parameter(`${layer}.bias`, [channels], "bias", fanIn, false);
    return this.node("ConvTranspose", layer, [x.value, weight, bias], channels, {
      kernel_shape: [2, 2],
      strides: [2, 2],
    });
  }

  batchNormalization(layer: string, x: Feature, options: NormalisationOptions = usualNormalisation): Feature {
    const vector = (part: string, role: ParameterRole) =>
      this.parameter(`${layer}.${part}`, [x.channels], role, 1, false);
    const inputs = [
      x.value,
      vector("weight", "scale"),
      vector("bias", "shift"),
      vector("running_mean", "running-mean"),
      vector("running_var", "running-variance"),
    ];
    this.ignored.add(`${layer}.num_batches_tracked`);
    const normalised = this.node("BatchNormalization", layer, inputs, x.channels, {
      epsilon: float(options.epsilon),
    });
    if (this.mode === "training") this.updateRunningStatistics(layer, x.channels, options.keptShare);
    return normalised;
  }

  private updateRunningStatistics(layer: string, channels: number, keptShare: number): void {
    const node = this.lastNode();
    node.attributes["training_mode"] = { kind: "int", value: 1 };
    node.attributes["momentum"] = float(keptShare);
    for (const part of ["running_mean", "running_var"]) {
      const parameter = `${layer}.${part}`;
      const nextOutput = this.builder.freshName(`${parameter}.next`);
      node.outputs.push(nextOutput);
      this.runningStatistics.push({ parameter, nextOutput });
      this.graph.outputs.push({ name: nextOutput, dataType: "float32", shape: [channels] });
    }
  }

  relu(layer: string, x: Feature): Feature {
    return this.node("Relu", layer, [x.value], x.channels);
  }

  /** min(max(x, 0), 6). */
  relu6(layer: string, x: Feature): Feature {
    return this.node("Clip", layer, [x.value, this.builder.float32(0), this.builder.float32(6)], x.channels);
  }

  sigmoid(layer: string, x: Feature): Feature {
    return this.node("Sigmoid", layer, [x.value], x.channels);
  }

  maxPool(layer: string, x: Feature, kernel: number, stride: number, padding: number): Feature {
    return this.node("MaxPool", layer, [x.value], x.channels, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    });
  }

  averagePool(layer: string, x: Feature, kernel: number, stride: number): Feature {
    return this.node("AveragePool", layer, [x.value], x.channels, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
    });
  }

  globalAveragePool(layer: string, x: Feature): Feature {
    return this.node("GlobalAveragePool", layer, [x.value], x.channels);
  }

  /** Bilinear interpolation to a fixed height and width, corners aligned. */
  upsample(layer: string, x: Feature, size: number): Feature {
    return this.node("Resize", layer, [x.value, "", "", this.builder.int64([size, size])], x.channels, {
      mode: "linear",
      coordinate_transformation_mode: "align_corners",
      axes: [2, 3],
    });
  }

  concat(layer: string, parts: readonly Feature[]): Feature {
    const channels = parts.reduce((sum, part) => sum + part.channels, 0);
    return this.node(
      "Concat",
      layer,
      parts.map((part) => part.value),
      channels,
      { axis: 1 },
    );
  }

  add(layer: string, a: Feature, b: Feature): Feature {
    return this.node("Add", layer, [a.value, b.value], a.channels);
  }

  multiply(layer: string, a: Feature, b: Feature): Feature {
    return this.node("Mul", layer, [a.value, b.value], a.channels);
  }

  addScalar(layer: string, x: Feature, summand: number): Feature {
    return this.node("Add", layer, [x.value, this.builder.float32(summand)], x.channels);
  }

  /** [batch, channels, 1, 1] to [batch, channels]. */
  flatten(layer: string, x: Feature): Feature {
    return this.node("Flatten", layer, [x.value], x.channels, { axis: 1 });
  }

  /** The identity in inference; in training a product with a mask that is an input of the graph. */
  dropout(layer: string, x: Feature, ratio: number): Feature {
    if (this.mode === "inference") return x;
    const mask = this.builder.freshName(`${layer}.mask`);
    this.graph.inputs.push({ name: mask, dataType: "float32", shape: ["batch", x.channels] });
    this.dropouts.push({ mask, features: x.channels, ratio });
    return this.node("Mul", layer, [x.value, mask], x.channels);
  }

  /**
   * Stochastic depth (Huang et al. 2016): the identity in inference; in training the branch is left out for some images of a batch,
   * by a mask that is an input of the graph.
   */
  pathDropout(layer: string, x: Feature, depth: number): Feature {
    if (this.mode === "inference") return x;
    const mask = this.builder.freshName(`${layer}.mask`);
    this.graph.inputs.push({ name: mask, dataType: "float32", shape: ["batch", 1, 1, 1] });
    this.paths.push({ mask, depth });
    return this.node("Mul", layer, [x.value, mask], x.channels);
  }

  /** The classifier's linear layer. */
  linearHead(layer: string, x: Feature, classes: number): Feature {
    const weight = this.parameter(`${layer}.weight`, [classes, x.channels], "linear", x.channels, true);
    const bias = this.parameter(`${layer}.bias`, [classes], "bias", x.channels, true);
    return this.node("Gemm", layer, [x.value, weight, bias], classes, { transB: 1 });
  }

  /** Marks what was written last as the output of a stage, and names the value after it. */
  stage(name: string, x: Feature): Feature {
    this.stages.push(name);
    return this.rename(x, name);
  }

  output(x: Feature, shape: ValueInfo["shape"]): void {
    const { value } = this.rename(x, "logits");
    this.graph.outputs.unshift({ name: value, dataType: "float32", shape });
  }

  private rename(x: Feature, name: string): Feature {
    const node = this.lastNode();
    if (node.outputs[0] !== x.value)
      throw new Error(`Expected ${x.value} to be the value written last, which is ${node.outputs[0]}`);
    node.outputs[0] = name;
    node.name = `${name}/node`;
    return { ...x, value: name };
  }

  private parameter(name: string, shape: readonly number[], role: ParameterRole, fanIn: number, head: boolean): string {
    this.parameters.push({ name, shape, role, fanIn, head });
    return name;
  }

  private node(
    operator: string,
    layer: string,
    inputs: readonly string[],
    channels: number,
    attributes: Record<string, AttributeValue> = {},
  ): Feature {
    return { value: this.builder.add(operator, inputs, attributes, this.builder.freshName(layer)), channels };
  }

  private lastNode() {
    const node = this.graph.nodes.at(-1);
    if (!node) throw new Error("Expected a layer to have been written");
    return node;
  }
}

function paddingAttribute(padding: Padding): Record<string, AttributeValue> {
  if (padding === "same") return { auto_pad: "SAME_UPPER" };
  const { begin, end } = typeof padding === "number" ? { begin: padding, end: padding } : padding;
  return { pads: [begin, begin, end, end] };
}
