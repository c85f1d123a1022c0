import { Tally } from "../../bucket/tally";
import { nearlyUniform } from "../../contract/image-notes";
import type { BatchName, ObjectKey } from "../../contract/names";
import type { Failure, Outcome } from "../../contract/outcome";
import type { Plan } from "../../contract/plan";
import { defaultSettings } from "../../contract/settings";
import type { RunSummary, Summary } from "../../contract/summary";
import { median } from "../../numeric/quantiles";
import type { BatchRow } from "../ports";

const mostFailures = 1000;
const mostLabels = 100;

export interface Finished {
  readonly plan: Plan;
  readonly summary: RunSummary;
}

/** Folds a batch's rows into its summary; beside the counts it holds a few numbers an image. */
export async function summarise(
  batch: BatchName,
  runs: readonly Finished[],
  rows: AsyncIterable<BatchRow>,
  now: Date,
  rejection: Failure | null,
): Promise<Summary> {
  const tally = new Tally();
  const classCounts: Record<string, number> = {};
  const labelled = new Map<string, Map<string, number>>();
  const failures: { key: ObjectKey; failure: Failure }[] = [];
  const explained = new Map<string, ExplanationTally>();
  let finishedAt = "";
  let uniform = 0;
  for await (const { outcome } of rows) {
    tally.add(outcome);
    if (outcome.finishedAt > finishedAt) finishedAt = outcome.finishedAt;
    if (outcome.status === "failed" && failures.length < mostFailures)
      failures.push({ key: outcome.key, failure: outcome.failure });
    if (outcome.status !== "succeeded") continue;
    increase(classCounts, outcome.className);
    if (outcome.warnings.some((warning) => warning.startsWith(nearlyUniform))) uniform++;
    if (outcome.label !== undefined) countLabel(labelled, outcome.label, outcome.className);
    for (const figures of outcome.explanations) {
      const found = explained.get(figures.method) ?? { count: 0, converged: null, relative: [], mapChange: [] };
      explained.set(figures.method, addFigures(found, figures));
    }
  }
  const newest = runs.at(-1);
  const counts = tally.counts;
  const agreement = agreementOf(labelled, newest?.plan.model.card.classes ?? []);
  return {
    schemaVersion: 1,
    batch,
    status: rejection ? "rejected" : counts.failed > 0 ? "complete-with-failures" : "complete",
    ...(rejection ? { rejection } : {}),
    createdAt: now.toISOString(),
    run: newest?.plan.run ?? null,
    ordinal: newest?.plan.ordinal ?? 0,
    runs: runs
      .toReversed()
      .map(({ plan, summary }) => ({ run: plan.run, ordinal: plan.ordinal, counts: summary.counts })),
    counts,
    skippedBy: tally.skippedBy,
    classCounts,
    ...(agreement ? { agreement } : {}),
    failures,
    failuresLeftOut: counts.failed - failures.length,
    explanations: [...explained].map(([method, { count, converged, relative, mapChange }]) => ({
      method,
      count,
      converged,
      medianRelative: medianOrNothing(relative),
      medianMapChange: medianOrNothing(mapChange),
    })),
    model: newest ? newest.plan.model : null,
    settings: newest?.plan.settings ?? defaultSettings,
    seconds: newest && finishedAt ? Math.max(0, (Date.parse(finishedAt) - Date.parse(newest.plan.listedAt)) / 1000) : 0,
    machineSeconds: runs.reduce((sum, { summary }) => sum + summary.seconds, 0),
    attempts: {
      dispatches: runs.reduce((sum, { summary }) => sum + summary.dispatches, 0),
      notes: runs.flatMap(({ summary }) => summary.notes),
    },
    notes: [...runs.flatMap(({ plan }) => plan.notes), ...uniformityOf(uniform, counts.succeeded)],
  };
}

/** One empty field is a field; a batch of them is a fault of the export. */
function uniformityOf(uniform: number, succeeded: number): string[] {
  if (2 * uniform <= succeeded) return [];
  return [
    `${uniform} of ${succeeded} images are nearly uniform, of one colour each: what the model says of them means nothing. See how they were exported, and their warnings`,
  ];
}

interface ExplanationTally {
  readonly count: number;
  readonly converged: number | null;
  readonly relative: number[];
  readonly mapChange: number[];
}

type Figures = Extract<Outcome, { status: "succeeded" }>["explanations"][number];

function addFigures({ count, converged, relative, mapChange }: ExplanationTally, figures: Figures): ExplanationTally {
  if (figures.relative !== null) relative.push(figures.relative);
  if (figures.mapChange !== null) mapChange.push(figures.mapChange);
  return {
    count: count + 1,
    converged: figures.converged === null ? converged : (converged ?? 0) + (figures.converged ? 1 : 0),
    relative,
    mapChange,
  };
}

function countLabel(labelled: Map<string, Map<string, number>>, label: string, predicted: string): void {
  const row = labelled.get(label) ?? new Map<string, number>();
  if (!labelled.has(label) && labelled.size >= mostLabels) return;
  labelled.set(label, row.set(predicted, (row.get(predicted) ?? 0) + 1));
}

function agreementOf(
  labelled: ReadonlyMap<string, ReadonlyMap<string, number>>,
  modelClasses: readonly string[],
): Summary["agreement"] {
  if (labelled.size === 0) return undefined;
  const classes = [...modelClasses, ...[...labelled.keys()].filter((label) => !modelClasses.includes(label)).sort()];
  const matrix = classes.map((truth) => classes.map((predicted) => labelled.get(truth)?.get(predicted) ?? 0));
  const total = matrix.flat().reduce((sum, count) => sum + count, 0);
  const right = matrix.reduce((sum, row, index) => sum + (row[index] ?? 0), 0);
  return { classes, matrix, accuracy: total > 0 ? right / total : 0 };
}

const medianOrNothing = (values: readonly number[]): number | null => (values.length === 0 ? null : median(values));

const increase = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};
