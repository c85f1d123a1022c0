import { elementwiseRules } from "./elementwise";
import { indexingRules } from "./indexing";
import { matrixRules } from "./matrix";
import { movementRules } from "./movement";
import { reductionRules } from "./reduction";
import type { ShapeRule } from "./shape-rule";
import { spatialRules } from "./spatial";

const rules = new Map<string, ShapeRule>(
  Object.entries({
    ...elementwiseRules,
    ...spatialRules,
    ...matrixRules,
    ...reductionRules,
    ...movementRules,
    ...indexingRules,
  }),
);

/** undefined for operators whose outputs are not inferred. */
export function shapeRule(operator: string): ShapeRule | undefined {
  return rules.get(operator);
}
