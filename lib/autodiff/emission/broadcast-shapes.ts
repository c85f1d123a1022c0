import type { Dimension } from "../../onnx/model";

/** The broadcast of shapes, null where two unknown extents meet; undefined when a rank is unknown. */
export function broadcastShapes(
  shapes: readonly (readonly Dimension[] | undefined)[],
): readonly Dimension[] | undefined {
  const known = shapes.filter((shape) => shape !== undefined);
  if (known.length < shapes.length) return undefined;
  const rank = Math.max(...known.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const extents = new Set(
      known.map((shape) => shape[axis - rank + shape.length] ?? (axis - rank + shape.length < 0 ? 1 : null)),
    );
    const fixed = [...extents].find((extent) => typeof extent === "number" && extent !== 1);
    if (fixed !== undefined) return fixed;
    extents.delete(1);
    const [extent, ...others] = [...extents];
    return extent === undefined ? 1 : others.length ? null : extent;
  });
}
