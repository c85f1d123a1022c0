import { keepPositive } from "./emission/mask";
import { unaryRule } from "./gradient-rule";
import type { RuleOverrides } from "./rule-overrides";

/**
 * Guided backpropagation (Springenberg et al. 2015, section 3): at every Relu, dX = dY · (x > 0) · (dY > 0).
 * Other activations keep their true gradient: the paper defines the rule for rectifiers alone.
 */
export const guidedRules: RuleOverrides = {
  Relu: unaryRule((context, dy) => keepPositive(context, context.output(0), context.graph.add("Relu", [dy]))),
};
