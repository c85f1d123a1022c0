import { EnvironmentError } from "../contract/errors";
import type { Pipeline } from "../protocol/ports";
import { reconcile, type ReconcileReport } from "../protocol/reconcile";
import { metricNames } from "./metric-names";
import type { StructuredLog } from "./structured-log";

/** One round of the reconciler. Throws an EnvironmentError after it when some batches could not be looked at, so that an alarm tells. */
export async function reconcileOnSchedule(pipeline: Pipeline, log: StructuredLog): Promise<ReconcileReport> {
  const report = await reconcile(pipeline);
  for (const { batch, what } of report.mended) log.info("mended", { batch, what });
  for (const { batch, error } of report.failed) log.error("cannot reconcile a batch", error, { batch });
  log.metrics(
    { [metricNames.reconciled]: report.mended.length, [metricNames.oldestRun]: report.oldestRunSeconds },
    { message: "reconciled", looked: report.looked, left: report.left },
  );
  if (report.failed.length > 0) {
    throw new EnvironmentError(
      "reconcile.incomplete",
      `Expected to look at ${report.looked} batches but ${report.failed.length} failed: ${report.failed
        .map(({ batch }) => JSON.stringify(batch))
        .slice(0, 10)
        .join(", ")}`,
    );
  }
  return report;
}
