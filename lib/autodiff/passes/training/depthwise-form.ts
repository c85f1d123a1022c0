import { intAttribute, intsAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import type { Rewriting } from "../rewriting";

/** Maps of up to so many positions: beyond, the products multiply too many zeros. */
const mostPositions = 144;

type Pair = readonly [rows: number, columns: number];

/** A depthwise convolution of two axes over small maps, every extent of which is known. */
export interface DepthwiseForm {
  readonly batch: number;
  readonly channels: number;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly begin: Pair;
  readonly seen: Pair;
  readonly outputs: Pair;
}

export function depthwiseOf(rewriting: Rewriting, node: Node): DepthwiseForm | undefined {
  if (node.operator !== "Conv" || node.domain !== "") return undefined;
  const [x = "", weights = "", bias = ""] = node.inputs;
  const [batch, channels, ...seen] = rewriting.shape(x) ?? [];
  const [filters, perGroup, ...kernel] = rewriting.constant(weights)?.dims ?? rewriting.shape(weights) ?? [];
  const outputs = rewriting.shape(node.outputs[0])?.slice(2) ?? [];
  const pads = intsAttribute(node, "pads") ?? [0, 0, 0, 0];
  if (batch === undefined || channels === undefined || filters !== channels || perGroup !== 1) return undefined;
  if (bias !== "" || node.attributes["auto_pad"] || intAttribute(node, "group", 1) !== channels) return undefined;
  if (!isPair(seen) || !isPair(kernel) || !isPair(outputs) || area(kernel) === 1 || area(seen) > mostPositions)
    return undefined;
  const [strides, dilations, begin] = [
    intsAttribute(node, "strides") ?? [1, 1],
    intsAttribute(node, "dilations") ?? [1, 1],
    pads.slice(0, 2),
  ];
  if (!isPair(strides) || !isPair(dilations) || !isPair(begin)) return undefined;
  return { batch, channels, kernel, strides, dilations, begin, seen, outputs };
}

export const positionsOf = ({ seen }: DepthwiseForm): number => area(seen);
export const stepsOf = ({ outputs }: DepthwiseForm): number => area(outputs);
export const tapsOf = ({ kernel }: DepthwiseForm): number => area(kernel);

/** [taps, positions · steps]: 1 where a step sees a position by a tap. */
export function visibleTaps(form: DepthwiseForm): Float32Array {
  const { kernel, strides, dilations, begin, seen, outputs } = form;
  const [positions, steps] = [area(seen), area(outputs)];
  const visible = new Float32Array(area(kernel) * positions * steps);
  for (let tap = 0; tap < area(kernel); tap++) {
    for (let step = 0; step < steps; step++) {
      const place = (axis: 0 | 1): number =>
        along(step, outputs, axis) * strides[axis] + along(tap, kernel, axis) * dilations[axis] - begin[axis];
      const [row, column] = [place(0), place(1)];
      if (row < 0 || column < 0 || row >= seen[0] || column >= seen[1]) continue;
      visible[(tap * positions + row * seen[1] + column) * steps + step] = 1;
    }
  }
  return visible;
}

/** The row or column of a place counted row by row. */
function along(index: number, extents: Pair, axis: 0 | 1): number {
  return axis === 0 ? Math.floor(index / extents[1]) : index % extents[1];
}

function isPair(values: readonly number[]): values is Pair {
  return values.length === 2;
}

function area([rows, columns]: Pair): number {
  return rows * columns;
}
