import type { GradientRule } from "./gradient-rule";
import type { DifferentiableOperator } from "./registry";

/** Rules that take the place of the registered ones, by operator. */
export type RuleOverrides = Partial<Record<DifferentiableOperator, GradientRule>>;
