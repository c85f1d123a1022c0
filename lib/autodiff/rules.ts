import { ModelError } from "../contract/errors";
import type { Node } from "../onnx/model";
import { deconvnetRules } from "./deconvnet";
import type { GradientRule } from "./gradient-rule";
import { guidedRules } from "./guided-backpropagation";
import { nodeLabel } from "./node-label";
import { gradientRules, type DifferentiableOperator } from "./registry";
import type { RuleOverrides } from "./rule-overrides";
import { flatOperators, refusedOperators } from "./without-gradient";

/** The true gradient, one of the two published modifications of the rule of Relu, or rules of one's own by operator. */
export type RuleChoice = "true" | "guided" | "deconvnet" | RuleOverrides;

/** Whether a node's outputs are locally constant, so that nothing flows back through it. */
export function isLocallyConstant(node: Node): boolean {
  return isStandard(node) && flatOperators.has(node.operator);
}

/** Refuses a node that a gradient would have to pass and cannot. `flows`: some output of it is a float that depends on the input. */
export function checkRule(node: Node, choice: RuleChoice | undefined, flows: boolean): void {
  const label = nodeLabel(node);
  const reason = isStandard(node) ? refusedOperators.get(node.operator) : undefined;
  if (reason)
    throw new ModelError(
      "autodiff.no-gradient",
      `Expected a differentiable path but ${label} lies on it, which has no gradient: ${reason}`,
    );
  if (flows && !findRule(node, choice)) {
    throw new ModelError(
      "autodiff.unsupported-operator",
      isStandard(node)
        ? `Expected an operator with a gradient rule but ${label} has none`
        : `Expected a standard ONNX operator but ${label} belongs to the domain "${node.domain}"`,
    );
  }
}

/** The rule of a node that passed `checkRule`. */
export function ruleFor(node: Node, choice: RuleChoice | undefined): GradientRule {
  const rule = findRule(node, choice);
  if (!rule)
    throw new ModelError(
      "autodiff.unsupported-operator",
      `Expected an operator with a gradient rule but ${nodeLabel(node)} has none`,
    );
  return rule;
}

function findRule(node: Node, choice: RuleChoice | undefined): GradientRule | undefined {
  if (!isStandard(node)) return undefined;
  const overrides = overridesOf(choice);
  return hasRule(overrides, node.operator)
    ? overrides[node.operator]
    : hasRule(gradientRules, node.operator)
      ? gradientRules[node.operator]
      : undefined;
}

function overridesOf(choice: RuleChoice | undefined): RuleOverrides {
  if (choice === "guided") return guidedRules;
  if (choice === "deconvnet") return deconvnetRules;
  return choice === undefined || choice === "true" ? {} : choice;
}

function hasRule(rules: RuleOverrides, operator: string): operator is DifferentiableOperator {
  return Object.hasOwn(rules, operator);
}

function isStandard(node: Node): boolean {
  return node.domain === "" || node.domain === "ai.onnx";
}
