import { dispatchKey, jobName } from "../../contract/object-keys";
import { dispatch as dispatchDocument, type Dispatch, type Plan } from "../../contract/plan";
import { createDocument, readDocument, replaceDocument } from "../../bucket/documents";
import type { JobFacts, Pipeline } from "../ports";
import { withRetries } from "../../bucket/retry";
import { shardsOf } from "../../bucket/runs";

/** AWS Batch's largest array. */
const largestArray = 10_000;
const leaseMilliseconds = 5 * 60 * 1000;

type Dispatching = Pick<Pipeline, "store" | "queue" | "clock">;

/** Sees to it that every shard of a plan is in the queue. Safe to call again, and beside another caller. */
export async function ensureDispatched(pipeline: Dispatching, plan: Plan): Promise<void> {
  for (let part = 0, first = 0; first < plan.shards; part++, first += largestArray) {
    await ensurePart(pipeline, plan, {
      number: 0,
      part,
      queue: "spot",
      shards: { first, count: Math.min(largestArray, plan.shards - first) },
    });
  }
}

/** Another try for some shards, on the queue that is not reclaimed. */
export async function dispatchAgain(
  pipeline: Dispatching,
  plan: Plan,
  number: number,
  shards: readonly number[],
  queue: Dispatch["queue"] = "on-demand",
): Promise<void> {
  for (let part = 0, first = 0; first < shards.length; part++, first += largestArray) {
    await ensurePart(pipeline, plan, { number, part, queue, shards: shards.slice(first, first + largestArray) });
  }
}

/** Whoever creates the claim submits; whoever finds one whose lease ran out without a job finishes it. */
async function ensurePart(
  pipeline: Dispatching,
  plan: Plan,
  wanted: Pick<Dispatch, "number" | "part" | "queue" | "shards">,
): Promise<void> {
  const { store, clock, queue } = pipeline;
  const { batch, run } = plan;
  const key = dispatchKey(batch, run, wanted.number, wanted.part);
  const claim: Dispatch = {
    schemaVersion: 1,
    batch,
    run,
    ...wanted,
    jobName: jobName(run, wanted.number, wanted.part),
    leaseUntil: leaseFrom(clock.now()),
    jobId: null,
  };
  const mine = await createDocument(store, key, claim);
  const found = await readDocument(store, key, dispatchDocument);
  if (!found || found.value.jobId !== null) return;
  if (!mine) {
    if (new Date(found.value.leaseUntil) > clock.now()) return;
    const renewed = { ...found.value, leaseUntil: leaseFrom(clock.now()) };
    if (!(await replaceDocument(store, key, found.etag, renewed))) return;
  }
  const known = mine ? undefined : await queue.findByName(claim.jobName, found.value.queue);
  const { jobId } = known ?? (await submit(pipeline, plan, found.value));
  const current = await readDocument(store, key, dispatchDocument);
  if (current && current.value.jobId === null)
    await replaceDocument(store, key, current.etag, { ...current.value, jobId });
}

/** A submission that may or may not have arrived is looked for by its name before the next one. */
async function submit({ queue, clock }: Dispatching, plan: Plan, claim: Dispatch): Promise<Pick<JobFacts, "jobId">> {
  return withRetries(clock, async (tried) => {
    const arrived = tried > 1 ? await queue.findByName(claim.jobName, claim.queue) : undefined;
    return (
      arrived ??
      queue.submit({
        name: claim.jobName,
        batch: plan.batch,
        run: plan.run,
        dispatch: { number: claim.number, part: claim.part, queue: claim.queue },
        size: shardsOf(claim).length,
        jobDefinition: plan.jobDefinition,
      })
    );
  });
}

const leaseFrom = (now: Date): string => new Date(now.getTime() + leaseMilliseconds).toISOString();
