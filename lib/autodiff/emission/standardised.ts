import type { RuleContext } from "../gradient-rule";
import { reduceMean } from "./values";

/** x̂ = (x − μ) r with r = 1 / √(σ² + ε), where μ and σ² are mean and variance over some axes. */
export interface Standardised {
  readonly axes: readonly number[];
  /** x − μ */
  readonly centred: string;
  /** r, with the axes kept as extents of 1 */
  readonly reciprocal: string;
  /** x̂ */
  readonly value: string;
}

export function standardise(
  context: RuleContext,
  x: string,
  axes: readonly number[],
  epsilon: number,
  like: string,
): Standardised {
  const { graph } = context;
  const centred = graph.add("Sub", [x, reduceMean(context, x, axes)]);
  const variance = reduceMean(context, graph.add("Mul", [centred, centred]), axes);
  const deviation = graph.add("Sqrt", [graph.add("Add", [variance, context.scalar(epsilon, like)])]);
  const reciprocal = graph.add("Reciprocal", [deviation]);
  return { axes, centred, reciprocal, value: graph.add("Mul", [centred, reciprocal]) };
}

/** Pulls the gradient of x̂ back to x: dX = r (dX̂ − mean(dX̂) − x̂ mean(dX̂ x̂)). */
export function standardisedGradient(
  context: RuleContext,
  { axes, value, reciprocal }: Standardised,
  dValue: string,
): string {
  const { graph } = context;
  const mean = reduceMean(context, dValue, axes);
  const along = graph.add("Mul", [value, reduceMean(context, graph.add("Mul", [dValue, value]), axes)]);
  return graph.add("Mul", [reciprocal, graph.add("Sub", [graph.add("Sub", [dValue, mean]), along])]);
}
