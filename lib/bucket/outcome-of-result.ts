import type { Outcome } from "../contract/outcome";
import type { Plan, WorkItem } from "../contract/plan";
import type { Result } from "../contract/result";
import { resultKey } from "../contract/object-keys";

/** What a result found in the bucket says of an item: done by this run, or before it. */
export function succeededFrom(result: Result, item: WorkItem, plan: Pick<Plan, "batch" | "run">): Outcome {
  const identity = {
    work: item.work,
    key: item.key,
    ...(item.label === undefined ? {} : { label: item.label }),
    finishedAt: result.createdAt,
    seconds: (result.timings["total"] ?? 0) / 1000,
  };
  const where = resultKey(plan.batch, item.key, item.work);
  if (result.run !== plan.run) return { status: "skipped", ...identity, reason: "already-done", resultKey: where };
  const { prediction, explanations, warnings } = result;
  return {
    status: "succeeded",
    ...identity,
    resultKey: where,
    classIndex: prediction.classIndex,
    className: prediction.className,
    probability: prediction.probability,
    explanations: explanations.map(({ method, completeness: { relative, mapChange, converged } }) => ({
      method,
      relative,
      mapChange,
      converged,
    })),
    warnings,
  };
}
