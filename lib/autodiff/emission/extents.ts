import type { RuleContext } from "../gradient-rule";

/** An extent: a number where it is known, else the name of an int64 vector of one element in the graph. */
export type Extent = number | string;

/** The extent of `value` along `axis` (already made non-negative). */
export function extentOf(context: RuleContext, value: string, axis: number): Extent {
  const dimension = context.shape(value)[axis];
  if (typeof dimension === "number") return dimension;
  return context.graph.add("Shape", [value], { start: axis, end: axis + 1 });
}

/** All extents of `value`, in order. */
export function extentsOf(context: RuleContext, value: string): Extent[] {
  return context.shape(value).map((_, axis) => extentOf(context, value, axis));
}

/** An extent as an int64 vector of one element. */
export function asVector(context: RuleContext, extent: Extent): string {
  return typeof extent === "number" ? context.graph.int64([extent]) : extent;
}

/** Extents as one int64 vector: a constant when all are known. */
export function shapeVector(context: RuleContext, extents: readonly Extent[]): string {
  if (extents.every((extent) => typeof extent === "number")) return context.graph.int64(extents);
  const [only] = extents;
  if (extents.length === 1 && only !== undefined) return asVector(context, only);
  return context.graph.add(
    "Concat",
    extents.map((extent) => asVector(context, extent)),
    { axis: 0 },
  );
}

export function plus(context: RuleContext, a: Extent, b: Extent): Extent {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return context.graph.add("Add", [asVector(context, a), asVector(context, b)]);
}

export function minus(context: RuleContext, a: Extent, b: Extent): Extent {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (b === 0) return a;
  return context.graph.add("Sub", [asVector(context, a), asVector(context, b)]);
}

export function times(context: RuleContext, a: Extent, b: Extent): Extent {
  if (typeof a === "number" && typeof b === "number") return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  return context.graph.add("Mul", [asVector(context, a), asVector(context, b)]);
}

/** The quotient, rounded towards zero. */
export function dividedBy(context: RuleContext, a: Extent, b: number): Extent {
  if (typeof a === "number") return Math.trunc(a / b);
  return b === 1 ? a : context.graph.add("Div", [a, context.graph.int64([b])]);
}

export function product(context: RuleContext, extents: readonly Extent[]): Extent {
  return extents.reduce((a, b) => times(context, a, b), 1);
}

/** `value` with the given shape, or `value` itself when its shape is known to be that already. */
export function reshape(context: RuleContext, value: string, extents: readonly Extent[]): string {
  const unknown = extents.filter((extent) => typeof extent !== "number").length;
  const inferable = unknown === 1 && !extents.includes(0);
  const target = inferable
    ? context.graph.int64(extents.map((extent) => (typeof extent === "number" ? extent : -1)))
    : shapeVector(context, extents);
  return context.graph.add("Reshape", [value, target], extents.includes(0) ? { allowzero: 1 } : {});
}
