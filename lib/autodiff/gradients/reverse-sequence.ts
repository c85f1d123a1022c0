import { unaryRule } from "../gradient-rule";

/** ReverseSequence undoes itself. */
export const reverseSequenceGradient = unaryRule((context, dY) =>
  // dX = reverse_sequence(dY)
  context.graph.add("ReverseSequence", [dY, context.input(1)], { ...context.node.attributes }),
);
