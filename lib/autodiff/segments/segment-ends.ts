import type { GraphBuilder } from "../../onnx/graph-builder";
import type { Graph } from "../../onnx/model";
import type { RuleContext } from "../gradient-rule";

/** A chain of points, its segments, and the network at both: what the rules along segments know beside their node. */
export interface PointChain {
  readonly segments: number;
  /** What the names of the shadow's values begin with, before the names of the values at the points. */
  readonly shadowPrefix: string;
  /** The network at the points. */
  readonly points: Graph;
}

/** start · value(a) + end · value(c) for each segment from a to c, of a value [segments + 1, -1] at the points: one product with a two-banded matrix. */
export function combineEnds(
  graph: GraphBuilder,
  { segments }: PointChain,
  start: number,
  end: number,
  atPoints: string,
): string {
  const matrix = new Float32Array(segments * (segments + 1));
  for (let row = 0; row < segments; row++) matrix.set([start, end], row * (segments + 1) + row);
  return graph.add("MatMul", [
    graph.constant({ dataType: "float32", dims: [segments, segments + 1], data: matrix }, "ends"),
    atPoints,
  ]);
}

/** The value at the points, with all but the chain's axis flattened. */
export function flatPoints(context: RuleContext, shadow: string, { segments, shadowPrefix }: PointChain): string {
  const [extent] = context.staticShape(shadow) ?? context.refuse(`the shape of "${shadow}" is not known`);
  if (extent === undefined || extent % segments !== 0)
    context.refuse(`the first axis of "${shadow}" (${extent}) does not hold ${segments} segments`);
  return context.graph.add("Reshape", [shadow.slice(shadowPrefix.length), context.graph.int64([segments + 1, -1])]);
}

/** What was computed flat, in the shape of a shadow. */
export function shaped(context: RuleContext, flat: string, shadow: string): string {
  return context.graph.add("Reshape", [flat, context.shapeTensor(shadow)]);
}
