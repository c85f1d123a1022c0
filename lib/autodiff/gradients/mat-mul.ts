import { extentOf, product, reshape } from "../emission/extents";
import { range, reduceSum } from "../emission/values";
import { sumToShape } from "../sum-to-shape";
import { broadcastShapes } from "../emission/broadcast-shapes";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** MatMul as numpy has it: vectors are rows on the left and columns on the right, leading axes broadcast. */
export const matMulGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const { graph } = context;
  const [a, b] = [context.input(0), context.input(1)];
  const [rankA, rankB] = [context.rank(a), context.rank(b)];
  const row = rankA === 1 ? graph.add("Unsqueeze", [a, graph.int64([0])]) : a;
  const column = rankB === 1 ? graph.add("Unsqueeze", [b, graph.int64([1])]) : b;
  const added = [...(rankA === 1 ? [-2] : []), ...(rankB === 1 ? [-1] : [])];
  const matrix =
    added.length === 0 ? dY : graph.add("Unsqueeze", [dY, graph.int64(added.length === 2 ? [0, 1] : added)]);
  const rank = Math.max(rankA, rankB, 2);
  // dA = dY Bᵀ
  const dA = context.needs(0)
    ? graph.add("MatMul", [matrix, transposed(context, column, Math.max(rankB, 2))])
    : undefined;
  return [
    dA && backTo(context, dA, a, rank, -2),
    context.needs(1) ? secondGradient(context, row, matrix, rankA, rankB, rank) : undefined,
  ];
};

function secondGradient(
  context: RuleContext,
  row: string,
  matrix: string,
  rankA: number,
  rankB: number,
  rank: number,
): string {
  const { graph } = context;
  const b = context.input(1);
  if (rankB === 2 && rankA > 2) {
    // dB = Σ over batches of Aᵀ dY = Aᵀ dY with the batches' rows put below each other
    const rows = product(
      context,
      range(0, rank - 1).map((axis) => extentOf(context, row, axis)),
    );
    const flatA = reshape(context, row, [rows, extentOf(context, b, 0)]);
    const flatY = reshape(context, matrix, [rows, extentOf(context, b, 1)]);
    return graph.add("Gemm", [flatA, flatY], { transA: 1 });
  }
  // dB = Aᵀ dY
  return backTo(context, graph.add("MatMul", [transposed(context, row, Math.max(rankA, 2)), matrix]), b, rank, -1);
}

function transposed(context: RuleContext, matrices: string, rank: number): string {
  return context.graph.add("Transpose", [matrices], { perm: [...range(0, rank - 2), rank - 1, rank - 2] });
}

/** Takes off the axis that made a vector a matrix and sums over the axes that were broadcast. */
function backTo(context: RuleContext, gradient: string, target: string, rank: number, addedAxis: number): string {
  const { graph } = context;
  const targetShape = context.shape(target);
  if (targetShape.length === 1) {
    const plain = graph.add("Squeeze", [gradient, graph.int64([addedAxis])]);
    return reduceSum(context, plain, range(0, rank - 2), false);
  }
  if (rank === 2) return gradient;
  const [a, b] = [context.shape(context.input(0)), context.shape(context.input(1))];
  const whole =
    broadcastShapes([
      [...a.slice(0, -2), 1, 1],
      [...b.slice(0, -2), 1, 1],
    ])?.slice(0, -2) ?? [];
  return sumToShape(context, gradient, [...whole, ...targetShape.slice(-2)], target, targetShape);
}
