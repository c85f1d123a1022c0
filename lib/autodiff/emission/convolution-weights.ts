import type { Tensor, TensorData } from "../../onnx/model";
import type { RuleContext } from "../gradient-rule";
import { range } from "./values";

/**
 * Weights of the stride-1 convolution that pulls a gradient back: [M, C / group, ...kernel] becomes [C, M / group, ...kernel],
 * every kernel turned end for end. Done here when the weights are constant, else in the graph.
 */
export function flippedWeights(
  context: RuleContext,
  weights: string,
  dims: readonly number[],
  group: number,
  constant: Tensor | undefined,
): string {
  const [outputs = 1, inputsPerGroup = 1, ...kernel] = dims;
  const outputsPerGroup = outputs / group;
  if (constant && !Array.isArray(constant.data)) {
    return context.graph.constant(
      {
        dataType: constant.dataType,
        dims: [inputsPerGroup * group, outputsPerGroup, ...kernel],
        data: flip(constant.data, dims, group),
      },
      "flipped",
    );
  }
  const { graph } = context;
  let result = weights;
  if (group === 1) {
    result = graph.add("Transpose", [result], { perm: [1, 0, ...range(2, kernel.length + 2)] });
  } else if (outputsPerGroup !== 1 || inputsPerGroup !== 1) {
    const swapped = range(3, kernel.length + 3);
    const split = graph.add("Reshape", [result, graph.int64([group, outputsPerGroup, inputsPerGroup, ...kernel])]);
    const transposed = graph.add("Transpose", [split], { perm: [0, 2, 1, ...swapped] });
    result = graph.add("Reshape", [transposed, graph.int64([inputsPerGroup * group, outputsPerGroup, ...kernel])]);
  }
  const turned = kernel.flatMap((extent, axis) => (extent > 1 ? [axis + 2] : []));
  if (turned.length === 0) return result;
  const last = graph.int64(turned.map(() => -1));
  const beyondFirst = graph.int64(turned.map(() => -(2 ** 31)));
  return graph.add("Slice", [result, last, beyondFirst, graph.int64(turned), last]);
}

function flip(
  data: Exclude<TensorData, string[]>,
  dims: readonly number[],
  group: number,
): Exclude<TensorData, string[]> {
  const [outputs = 1, inputsPerGroup = 1, ...kernel] = dims;
  const taps = kernel.reduce((count, extent) => count * extent, 1);
  const outputsPerGroup = outputs / group;
  const result = data.slice();
  for (let output = 0; output < outputs; output++) {
    const base = Math.floor(output / outputsPerGroup) * inputsPerGroup;
    for (let input = 0; input < inputsPerGroup; input++) {
      const from = (output * inputsPerGroup + input) * taps;
      const to = ((base + input) * outputsPerGroup + (output % outputsPerGroup)) * taps;
      for (let tap = 0; tap < taps; tap++) result[to + taps - 1 - tap] = data[from + tap] as number & bigint;
    }
  }
  return result;
}
