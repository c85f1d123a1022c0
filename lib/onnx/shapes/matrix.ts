import { intAttribute, stringAttribute } from "../attributes";
import type { DataType, Dimension } from "../model";
import { broadcast } from "./elementwise";
import { type Inferred, mergeExtents, type ShapeContext, type ShapeRule, type ShapeRules } from "./shape-rule";

function matrixProductShape(
  a: readonly Dimension[] | undefined,
  b: readonly Dimension[] | undefined,
): readonly Dimension[] | undefined {
  if (!a || !b || a.length === 0 || b.length === 0) return undefined;
  const batch = broadcast([a.slice(0, -2), b.slice(0, -2)]) ?? [];
  return [...batch, ...(a.length > 1 ? a.slice(-2, -1) : []), ...(b.length > 1 ? b.slice(-1) : [])];
}

const matrixProduct: ShapeRule = (context) => [
  {
    dataType: context.node.operator === "MatMulInteger" ? "int32" : context.dataType(0),
    shape: matrixProductShape(context.shape(0), context.shape(1)),
  },
];

const gemm: ShapeRule = (context) => {
  const [a, b] = [context.shape(0), context.shape(1)];
  const rows = a?.[intAttribute(context.node, "transA", 0) === 1 ? 1 : 0] ?? null;
  const columns = b?.[intAttribute(context.node, "transB", 0) === 1 ? 0 : 1] ?? null;
  return [{ dataType: context.dataType(0), shape: [rows, columns] }];
};

/** Splits an equation into its terms; "..." becomes one upper-case-like pseudo label per broadcast axis, counted from the back. */
function labels(term: string, rank: number): string[] {
  const [before = "", after] = term.split("...");
  if (after === undefined) return [...before];
  const covered = rank - before.length - after.length;
  return [...before, ...Array.from({ length: Math.max(covered, 0) }, (_, index) => `...${covered - index}`), ...after];
}

const einsum: ShapeRule = (context) => {
  const dataType = context.dataType(0);
  const equation = stringAttribute(context.node, "equation", "").replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  const terms = left.split(",");
  const extents = new Map<string, Dimension>();
  const counts = new Map<string, number>();
  for (const [index, term] of terms.entries()) {
    const shape = context.shape(index);
    if (!shape) return [{ dataType, shape: undefined }];
    for (const [axis, label] of labels(term, shape.length).entries()) {
      const extent = shape[axis] ?? null;
      const known = extents.get(label);
      extents.set(
        label,
        known === undefined || known === 1 ? extent : extent === 1 ? known : mergeExtents(known, extent),
      );
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
  }
  const ellipsis = [...extents.keys()]
    .filter((label) => label.startsWith("..."))
    .sort((a, b) => Number(b.slice(3)) - Number(a.slice(3)));
  const output =
    right === undefined
      ? [
          ...ellipsis,
          ...[...counts]
            .filter(([label, count]) => count === 1 && !label.startsWith("..."))
            .map(([label]) => label)
            .sort(),
        ]
      : right.includes("...")
        ? [...(right.split("...")[0] ?? ""), ...ellipsis, ...(right.split("...")[1] ?? "")]
        : [...right];
  return [{ dataType, shape: output.map((label) => extents.get(label) ?? null) }];
};

/** Attention, opset 23: Q [b, h, s, d] or [b, s, h d], K, V; optional past keys and values. */
const attention: ShapeRule = (context): (Inferred | undefined)[] => {
  const dataType = context.dataType(0);
  const [q, k, v] = [context.shape(0), context.shape(1), context.shape(2)];
  if (!q || !k || !v) return [{ dataType, shape: undefined }];
  const { algebra, node } = context;
  const [qHeads, kvHeads] = [intAttribute(node, "q_num_heads"), intAttribute(node, "kv_num_heads")];
  const split = (shape: readonly Dimension[], heads: number | undefined): readonly Dimension[] =>
    shape.length === 4
      ? shape
      : [shape[0] ?? null, heads ?? null, shape[1] ?? null, algebra.floorDivide(shape[2] ?? null, heads ?? null)];
  const [q4, k4, v4] = [split(q, qHeads), split(k, kvHeads), split(v, kvHeads)];
  const past = context.optional(4)?.shape?.[2];
  const total = past === undefined ? (k4[2] ?? null) : algebra.add(past, k4[2] ?? null);
  const wide = [q4[0] ?? null, q4[1] ?? null, q4[2] ?? null, v4[3] ?? null];
  const output =
    q.length === 4 ? wide : [wide[0] ?? null, wide[2] ?? null, algebra.multiply(wide[1] ?? null, wide[3] ?? null)];
  return [
    { dataType, shape: output },
    { dataType, shape: [k4[0] ?? null, k4[1] ?? null, total, k4[3] ?? null] },
    { dataType, shape: [v4[0] ?? null, v4[1] ?? null, total, v4[3] ?? null] },
    { dataType, shape: [...q4.slice(0, 3), total] },
  ];
};

/** X [sequence, batch, features] (layout 0); outputs Y, Y_h, Y_c. */
function recurrent(context: ShapeContext): Inferred[] {
  const dataType: DataType = context.dataType(0);
  const x = context.shape(0);
  const hidden = intAttribute(context.node, "hidden_size") ?? context.shape(2)?.[2] ?? null;
  const directions = stringAttribute(context.node, "direction", "forward") === "bidirectional" ? 2 : 1;
  const batchFirst = intAttribute(context.node, "layout", 0) === 1;
  const [sequence, batch] = batchFirst ? [x?.[1] ?? null, x?.[0] ?? null] : [x?.[0] ?? null, x?.[1] ?? null];
  const state = { dataType, shape: batchFirst ? [batch, directions, hidden] : [directions, batch, hidden] };
  return [
    { dataType, shape: batchFirst ? [batch, sequence, directions, hidden] : [sequence, directions, batch, hidden] },
    state,
    state,
  ];
}

export const matrixRules: ShapeRules = {
  MatMul: matrixProduct,
  MatMulInteger: matrixProduct,
  Gemm: gemm,
  Einsum: einsum,
  Attention: attention,
  Det: (context) => [{ dataType: context.dataType(0), shape: context.shape(0)?.slice(0, -2) }],
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};
