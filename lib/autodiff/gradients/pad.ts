import { stringAttribute } from "../../onnx/attributes";
import type { Tensor } from "../../onnx/model";
import { toNumbers } from "../../onnx/tensor";
import { extentOf, extentsOf } from "../emission/extents";
import { identityMatrix, pullBackAlongAxis } from "../emission/linear-along-axis";
import { castTo, nonNegativeAxis, range } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** Pad, all modes; negative pads cut. */
export const padGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const { graph } = context;
  if (stringAttribute(context.node, "mode", "constant") !== "constant") return [foldedGradient(context, dY)];
  const pads = constantOf(context, 1);
  const opposite = pads ? graph.int64(toNumbers(pads).map((pad) => -pad + 0)) : graph.add("Neg", [context.input(1)]);
  // dX = pad(dY, −pads): what was added is cut off, what was cut off gets zeros
  const dX = graph.add("Pad", context.has(3) ? [dY, opposite, "", context.input(3)] : [dY, opposite]);
  if (!context.needs(2)) return [dX];
  // dc = Σ of dY over the elements that did not come from X
  const outside = graph.add("Sub", [
    graph.add("ReduceSum", [dY], { keepdims: 0 }),
    graph.add("ReduceSum", [dX], { keepdims: 0 }),
  ]);
  return [dX, undefined, graph.add("Reshape", [outside, context.shapeTensor(context.input(2))])];
};

/** Reflected, repeated or wrapped padding: Y = A X along each axis, where A is the identity matrix padded in the same way. */
function foldedGradient(context: RuleContext, dY: string): string {
  const { graph, node } = context;
  const x = context.input(0);
  const rank = context.rank(x);
  const pads = constantOf(context, 1);
  const listed = context.has(3)
    ? toNumbers(constantOf(context, 3) ?? context.refuse("its axes are not constant")).map((axis) =>
        nonNegativeAxis(axis, rank),
      )
    : range(0, rank);
  let [gradient, extents] = [dY, extentsOf(context, context.output(0))];
  for (const [position, axis] of listed.entries()) {
    const amounts = pads && [toNumbers(pads)[position] ?? 0, toNumbers(pads)[position + listed.length] ?? 0];
    if (amounts?.every((amount) => amount === 0)) continue;
    const extent = extentOf(context, x, axis);
    const matrix = graph.add(
      "Pad",
      [identityMatrix(context, extent, "float32"), rowPads(context, amounts, position, listed.length)],
      { mode: stringAttribute(node, "mode", "constant") },
    );
    // dX = Aᵀ dY along the axis
    ({ gradient, extents } = pullBackAlongAxis(
      context,
      gradient,
      extents,
      axis,
      castTo(context, matrix, "float32", context.dataType(x)),
      extent,
    ));
  }
  return gradient;
}

/** The pads of one axis as those of the rows of a matrix. */
function rowPads(
  context: RuleContext,
  amounts: readonly number[] | undefined,
  position: number,
  count: number,
): string {
  const { graph } = context;
  if (amounts) return graph.int64([amounts[0] ?? 0, 0, amounts[1] ?? 0, 0]);
  const at = (index: number): string =>
    graph.add("Slice", [context.input(1), graph.int64([index]), graph.int64([index + 1])]);
  return graph.add("Concat", [at(position), graph.int64([0]), at(position + count), graph.int64([0])], { axis: 0 });
}

function constantOf(context: RuleContext, index: number): Tensor | undefined {
  return context.constantValue(context.input(index));
}
