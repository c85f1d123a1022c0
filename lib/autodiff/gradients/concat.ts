import { intAttribute } from "../../onnx/attributes";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** y is the inputs one after the other along an axis. */
export const concatGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { inputs } = context.node;
  if (inputs.length === 1) return [dy];
  const axis = intAttribute(context.node, "axis", 0);
  // dXᵢ = the part of dY that xᵢ fills
  return context.graph.addMany("Split", [dy, extentsAlong(context, axis)], inputs.length, { axis });
};

/** The inputs' extents along an axis as an int64 vector. */
function extentsAlong(context: RuleContext, axis: number): string {
  const { graph } = context;
  const { inputs } = context.node;
  const known = inputs.map((input) => context.shape(input).at(axis));
  if (known.every((extent) => typeof extent === "number")) return graph.int64(known as number[]);
  const extents = inputs.map((input) => graph.add("Gather", [context.shapeTensor(input), graph.int64([axis])]));
  return graph.add("Concat", extents, { axis: 0 });
}
