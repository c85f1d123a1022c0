import { unaryRule } from "./gradient-rule";
import type { RuleOverrides } from "./rule-overrides";

/** Deconvnet (Zeiler and Fergus 2014, section 2.1): at every Relu, dX = relu(dY), whatever the input was. */
export const deconvnetRules: RuleOverrides = {
  Relu: unaryRule((context, dy) => context.graph.add("Relu", [dy])),
};
