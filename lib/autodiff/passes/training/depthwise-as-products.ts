import { intAttribute, intsAttribute } from "../../../onnx/attributes";
import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";

/** Maps of up to so many positions: beyond, the products multiply too many zeros. */
const mostPositions = 144;

/**
 * A depthwise convolution of small maps becomes a product of matrices for each channel: y [N, Ho·Wo] = x [N, H·W] · T, where T holds the
 * kernel's values at the positions that each output sees, T = W [C, taps] · E, E of zeros and ones. The gradients are products too.
 * Convolutions one channel at a time over few positions spend their time elsewhere than in multiplying. For networks about to be
 * differentiated with respect to their weights, with every extent known.
 */
export const depthwiseAsProducts: Pass = (model) => {
  const rewriting = new Rewriting(model, "depthwise");
  const { builder } = rewriting;
  const layouts = new Map<string, string>();
  for (const node of rewriting.nodes("Conv")) {
    const form = formOf(rewriting, node);
    if (!form) continue;
    const { batch, channels, kernel, seen, outputs } = form;
    const [x = "", weights = ""] = node.inputs;
    const [positions, steps, taps] = [area(seen), area(outputs), area(kernel)];
    const key = JSON.stringify({ ...form, batch: 0, channels: 0 });
    const layout = layouts.get(key) ?? rewriting.weights(layoutOf(form), [taps, positions * steps], "taps");
    layouts.set(key, layout);
    rewriting.remove(node);
    const flat = builder.add("Reshape", [weights, builder.int64([channels, taps])]);
    const matrix = builder.add("Reshape", [
      builder.add("MatMul", [flat, layout]),
      builder.int64([channels, positions, steps]),
    ]);
    const images = builder.add("Reshape", [
      builder.add("Transpose", [x], { perm: [1, 0, 2, 3] }),
      builder.int64([channels, batch, positions]),
    ]);
    const product = builder.add("Reshape", [
      builder.add("MatMul", [images, matrix]),
      builder.int64([channels, batch, ...outputs]),
    ]);
    builder.add("Transpose", [product], { perm: [1, 0, 2, 3] }, node.outputs[0]);
  }
  return rewriting.finish();
};

type Pair = readonly [rows: number, columns: number];

interface Form {
  readonly batch: number;
  readonly channels: number;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly begin: Pair;
  readonly seen: Pair;
  readonly outputs: Pair;
}

/** [taps, positions · steps]: 1 where a step sees a position by a tap. */
function layoutOf({ kernel, strides, dilations, begin, seen, outputs }: Form): Float32Array {
  const [positions, steps] = [area(seen), area(outputs)];
  const layout = new Float32Array(area(kernel) * positions * steps);
  for (let tap = 0; tap < area(kernel); tap++) {
    for (let step = 0; step < steps; step++) {
      const [row, column] = [0, 1].map((axis) => {
        const [tapAt, stepAt] = [tap, step].map((index, which) => {
          const width = (which === 0 ? kernel : outputs)[1];
          return axis === 0 ? Math.floor(index / width) : index % width;
        });
        return (stepAt ?? 0) * (strides[axis] ?? 1) + (tapAt ?? 0) * (dilations[axis] ?? 1) - (begin[axis] ?? 0);
      });
      if (row === undefined || column === undefined || row < 0 || column < 0 || row >= seen[0] || column >= seen[1])
        continue;
      layout[(tap * positions + row * seen[1] + column) * steps + step] = 1;
    }
  }
  return layout;
}

/** What is needed of a depthwise convolution of two axes over small maps, else undefined. */
function formOf(rewriting: Rewriting, node: Node): Form | undefined {
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

function isPair(values: readonly number[]): values is Pair {
  return values.length === 2;
}

function area([rows, columns]: Pair): number {
  return rows * columns;
}
