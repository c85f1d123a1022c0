/** Shared by the handlers that write metrics and the stack that watches them. */
export const metricNamespace = "Cytolens";

export const metricNames = {
  planned: "ImagesPlanned",
  succeeded: "ImagesSucceeded",
  failed: "ImagesFailed",
  skipped: "ImagesSkipped",
  seconds: "WorkerSeconds",
  cost: "EstimatedCostUsd",
  reconciled: "BatchesReconciled",
  oldestRun: "OldestRunSeconds",
} as const;
export type MetricName = (typeof metricNames)[keyof typeof metricNames];
