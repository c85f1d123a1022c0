import type { DataType, Dimension, Model, Tensor } from "../../lib/onnx/model";
import { float32Tensor } from "../../lib/onnx/tensor";
import { buildModel, type NodeSketch } from "../autodiff/build-model";

/** Side of the small classifiers' images. */
export const side = 8;
const imageSize = 3 * side * side;

export interface Tail {
  readonly nodes: readonly NodeSketch[];
  /** Of the output "y", its first extent included. */
  readonly shape?: readonly Dimension[];
  readonly outputs?: Record<string, readonly Dimension[]>;
  readonly inputs?: Record<string, readonly Dimension[]>;
  readonly initializers?: Record<string, Tensor>;
  readonly types?: Record<string, DataType>;
  readonly opset?: number;
  /** What the trunk reads; the tail's nodes may make it, before the trunk. */
  readonly before?: readonly NodeSketch[];
  readonly from?: string;
}

const weights = (count: number, phase: number, size = 1): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => size * Math.sin(index * 1.7 + phase));

/**
 * A convolution, a ReLU, pooling and a linear layer that ends in "scores" [N, classes]; then the tail. The image input is "image"
 * [N, 3, 8, 8] unless the tail has inputs of its own.
 */
export function smallClassifier(classes: number, tail: Tail): Model {
  return buildModel({
    inputs: tail.inputs ?? { image: ["N", 3, side, side] },
    outputs: tail.outputs ?? { y: tail.shape ?? ["N", classes] },
    nodes: [
      ...(tail.before ?? []),
      ["Conv", [tail.from ?? "image", "kernel"], ["conv"], { pads: [1, 1, 1, 1] }],
      ["Relu", ["conv"], ["features"]],
      ["GlobalAveragePool", ["features"], ["pooled"]],
      ["Flatten", ["pooled"], ["flat"], { axis: 1 }],
      ["Gemm", ["flat", "matrix", "bias"], ["scores"], { transB: 1 }],
      ...tail.nodes,
    ],
    initializers: {
      kernel: float32Tensor(weights(4 * 3 * 9, 0.3, 0.5), [4, 3, 3, 3]),
      matrix: float32Tensor(weights(classes * 4, 0.9, 2), [classes, 4]),
      bias: float32Tensor(weights(classes, 2.1, 0.3), [classes]),
      ...tail.initializers,
    },
    types: tail.types ?? {},
    opset: tail.opset ?? 17,
  });
}

/** Normalised images, none like another. */
export const smallImage = (phase: number): Float32Array =>
  Float32Array.from({ length: imageSize }, (_, index) => 1.5 * Math.sin(index * 0.37 + phase));
