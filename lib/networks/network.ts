import type { Normalisation } from "../contract/normalisation";
import type { Model, Tensor } from "../onnx/model";

/** What a parameter is, as far as initialisation and training care. */
export type ParameterRole = "convolution" | "linear" | "bias" | "scale" | "shift" | "running-mean" | "running-variance";

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
  /** Inputs that one output sums over: of a bias, those of the layer it belongs to; 1 for normalisation. */
  readonly fanIn: number;
  /** Part of the classification head, whose first extent is the number of classes. */
  readonly head: boolean;
}

export interface NetworkOptions {
  readonly classes: number;
  /** Height and width of the input in pixels. Default: any size, where the topology allows it, else the usual 224. */
  readonly size?: number | undefined;
  /** Channels of the input. Default: 3. */
  readonly channels?: number | undefined;
}

/**
 * "inference": running statistics, dropout is the identity. "training": batch statistics; every dropout is a
 * product with a mask that is a graph input, so that whoever trains draws it (see `DropoutSite`).
 */
export type NetworkMode = "inference" | "training";

/** In training mode, the graph input `mask` [batch, features] multiplies the values: 0 or 1 / (1 - ratio). */
export interface DropoutSite {
  readonly mask: string;
  readonly features: number;
  readonly ratio: number;
}

/**
 * In training mode, the graph input `mask` [batch, 1, 1, 1] multiplies a residual branch: 0 or 1 / (1 - ratio). `depth` is how
 * deep the branch lies, above 0 and up to 1: ratios usually grow with it (Huang et al., Deep networks with stochastic depth, 2016).
 */
export interface PathSite {
  readonly mask: string;
  readonly depth: number;
}

/**
 * In training mode the graph returns the running statistics after the step, by exponential averaging as the
 * operator's specification has it: next = 0.9 * running + 0.1 * batch, with the *population* variance of
 * `[batch, channels, …]`. PyTorch averages the unbiased variance instead.
 */
export interface RunningStatistic {
  readonly parameter: string;
  readonly nextOutput: string;
}

/** The conventions by which public implementations fill new weights. */
export interface InitialisationConvention {
  /** Normal with variance 2 / fan-out or 2 / fan-in (He), or uniform in ±1/sqrt(fan-in) (PyTorch's own default). */
  readonly convolution: "he-fan-out" | "he-fan-in" | "uniform-fan-in";
  /** Uniform in ±1/sqrt(fan-in), or zero. Weights of linear layers are uniform in ±1/sqrt(fan-in) everywhere. */
  readonly linearBias: "uniform-fan-in" | "zero";
}

/** A network's topology, apart from its weights. */
export interface NetworkDefinition {
  readonly name: string;
  readonly classes: number;
  readonly channels: number;
  /** Fixed height and width, or undefined where any size goes. */
  readonly size: number | undefined;
  /** Every tensor that the computation reads, in the order of its layers. */
  readonly parameters: readonly ParameterSpec[];
  /** Tensors that public checkpoints hold although no output depends on them. */
  readonly ignored: ReadonlySet<string>;
  /** Checkpoint names under which head tensors also occur ("fc.weight" for "fc.1.weight"). */
  readonly aliases: ReadonlyMap<string, string>;
  readonly initialisation: InitialisationConvention;
  /** The value that Grad-CAM reads. */
  readonly featureLayer: string;
  /** The named stages, each the name of its output value too. */
  readonly stages: readonly string[];
  readonly dropouts: readonly DropoutSite[];
  /** Residual branches that training may leave out. */
  readonly paths: readonly PathSite[];
  /** How its input is made of pixels: as its public weights were trained with. */
  readonly normalisation: Normalisation;
  readonly runningStatistics: readonly RunningStatistic[];
  /**
   * The ONNX model with these weights as initialisers: input `input` [batch, channels, height, width], normalised,
   * float32; output `logits` [batch, classes] (U-Net: [batch, classes, height, width]). The weights are not copied.
   * Throws ModelError ("weights.missing") when a parameter has no weights.
   */
  build(weights: ReadonlyMap<string, Tensor>, options?: { readonly mode?: NetworkMode }): Model;
}
