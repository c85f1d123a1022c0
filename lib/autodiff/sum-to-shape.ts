import type { Dimension } from "../onnx/model";
import type { RuleContext } from "./gradient-rule";

/**
 * Sums `gradient` over the axes along which `target` was broadcast (multidirectional broadcasting, ONNX IR specification).
 * The axes are found now where the shapes tell, else by nodes that compare the two shapes at run time.
 */
export function sumToShape(
  context: RuleContext,
  gradient: string,
  from: readonly Dimension[] | undefined,
  target: string,
  to: readonly Dimension[] | undefined,
): string {
  const { graph } = context;
  const axes = from && to && broadcastAxes(from, to);
  if (!from || !to || !axes) return sumAtRunTime(context, gradient, target);
  if (axes.length === 0) return gradient;
  const leading = from.length - to.length;
  if (axes.length === leading) return graph.add("ReduceSum", [gradient, graph.int64(axes)], { keepdims: 0 });
  const summed = graph.add("ReduceSum", [gradient, graph.int64(axes)], { keepdims: 1 });
  return leading === 0 ? summed : graph.add("Squeeze", [summed, graph.int64(axes.slice(0, leading))]);
}

/** The axes of `from` that are summed to give `to`, those that `to` lacks first; undefined where the shapes do not tell. */
function broadcastAxes(from: readonly Dimension[], to: readonly Dimension[]): number[] | undefined {
  const leading = from.length - to.length;
  if (leading < 0) return undefined;
  const axes = Array.from({ length: leading }, (_, axis) => axis);
  for (const [index, extent] of to.entries()) {
    const whole = from[leading + index];
    if (extent === 1) {
      if (whole !== 1) axes.push(leading + index);
    } else if (typeof extent !== "number" && (extent === null || extent !== whole)) {
      return undefined;
    }
  }
  return axes;
}

/** An extent of 1 in the target (or an axis it lacks) where the gradient has another is summed over. */
function sumAtRunTime(context: RuleContext, gradient: string, target: string): string {
  const { graph } = context;
  const from = graph.add("Shape", [gradient]);
  const to = context.shapeTensor(target);
  const missing = graph.add("Sub", [graph.add("Shape", [from]), graph.add("Shape", [to])]);
  const ones = graph.add("Expand", [graph.int64([1]), missing]);
  const aligned = graph.add("Concat", [ones, to], { axis: 0 });
  const differ = graph.add("Not", [graph.add("Equal", [aligned, from])]);
  const axes = graph.add("Reshape", [graph.add("NonZero", [differ]), graph.int64([-1])]);
  const summed = graph.add("ReduceSum", [gradient, axes], { keepdims: 1, noop_with_empty_axes: 1 });
  return graph.add("Reshape", [summed, to]);
}
