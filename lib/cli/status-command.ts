import type { Command } from "commander";
import { openBucket } from "../aws/open-bucket";
import { adviceFor } from "../aws/job-advice";
import { UserError } from "../contract/errors";
import { batchName } from "../contract/names";
import { reportKey } from "../contract/object-keys";
import { batchStatus, type BatchStatus, type RunStatus } from "../protocol/batch-status";
import { exitCodes } from "./exit-codes";

/** `cytolens status`: how far a batch is, and what its jobs said. */
export function defineStatus(command: Command): void {
  command
    .argument("<batch>", "the batch's name: the folder under incoming/")
    .requiredOption("--bucket <bucket>", "the stack's bucket (its name or s3://…), or a folder that is one (./bucket)")
    .option("--json", "print JSON")
    .action(async (name: string, { bucket, json }: { bucket: string; json?: boolean }) => {
      const batch = batchName.safeParse(name);
      if (!batch.success)
        throw new UserError(
          "batch.name",
          `${batch.error.issues[0]?.message ?? "Expected a batch's name"} but received ${JSON.stringify(name)}`,
        );
      const { store, jobs } = await openBucket(bucket);
      const status = await batchStatus(store, batch.data, jobs);
      console.log(json ? JSON.stringify(status, null, 2) : statusText(status, store.description));
      process.exitCode =
        status.runs.some(({ counts }) => counts.failed > 0) || status.stage === "rejected"
          ? exitCodes.someFailed
          : exitCodes.done;
    });
}

export function statusText(
  { batch, stage, explanation, lastEventAt, nextLookAt, runs }: BatchStatus,
  where: string,
): string {
  return [
    `${batch}: ${stage}. ${explanation}`,
    ...(lastEventAt === null
      ? []
      : [
          `  last upload noted ${lastEventAt}${nextLookAt === null || runs.length > 0 ? "" : `, next look ${nextLookAt}`}`,
        ]),
    ...runs.flatMap(runLines),
    ...(stage === "done" ? [`  report: ${where}/${reportKey(batch)}`] : []),
  ].join("\n");
}

function runLines({ run, ordinal, stage, items, counts, jobs }: RunStatus): string[] {
  const { succeeded, failed, skipped } = counts;
  return [
    `  run ${ordinal} (${run}): ${stage}, ${items} images: ${succeeded} succeeded, ${failed} failed, ${skipped} skipped, ${Math.max(0, items - counts.planned)} to come`,
    ...jobs.flatMap(({ name, queue, shards, state, reason }) => {
      const advice = reason === undefined ? undefined : adviceFor(reason, queue);
      return [
        `    job ${name} (${queue}, ${shards} ${shards === 1 ? "shard" : "shards"}): ${state}${reason === undefined ? "" : `: ${reason}`}`,
        ...(advice === undefined ? [] : [`      ${advice}`]),
      ];
    }),
  ];
}
