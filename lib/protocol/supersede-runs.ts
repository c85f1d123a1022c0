import { howMany, readPlans, readRunSummary } from "../bucket/runs";
import { engineVersion } from "../contract/engine-version";
import { UserError } from "../contract/errors";
import type { BatchName, RunId } from "../contract/names";
import type { Plan } from "../contract/plan";
import { closeRun, countOutcomes, endShard } from "./collecting/close-run";
import { machineSeconds, readJobs } from "./collecting/run-jobs";
import { ensureDispatched } from "./planning/dispatch-run";
import { isSameWork } from "./planning/earlier-work";
import { freezeSettings, type Frozen } from "./planning/freeze-settings";
import type { Pipeline } from "./ports";

/**
 * For one who is about to plan a batch and wait for it, on a machine of their own: of its unfinished runs those with the
 * settings and the model that the batch has now are in the queue afterwards, and those with others have ended, their images
 * skipped as superseded. What another process works on is left to it.
 * @returns the unfinished runs that are left to others
 */
export async function supersedeRuns(pipeline: Pipeline, batch: BatchName): Promise<ReadonlySet<RunId>> {
  const { store } = pipeline;
  const left = new Set<RunId>();
  const asked = await askedOf(pipeline, batch);
  if (!asked) return left;
  for (const plan of await readPlans(store, batch)) {
    if (await readRunSummary(store, batch, plan.run)) continue;
    if (isSameWork(plan, { ...asked, engineVersion })) await ensureDispatched(pipeline, plan);
    else if (!(await supersede(pipeline, plan))) left.add(plan.run);
  }
  return left;
}

/** Nothing when the batch cannot be planned as it is: planning says why, and supersedes nothing. */
async function askedOf({ store }: Pipeline, batch: BatchName): Promise<Frozen | undefined> {
  try {
    return await freezeSettings(store, batch);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** False when the run is left as it is: someone works on it, or is about to. */
async function supersede(pipeline: Pipeline, plan: Plan): Promise<boolean> {
  const jobs = await readJobs(pipeline, plan);
  if (jobs.length === 0 || jobs.some(({ isLive }) => isLive)) return false;
  const dispatches = howMany(jobs.map(({ dispatch }) => dispatch));
  const { tally, unfinished, busy } = await countOutcomes(pipeline.store, plan, dispatches);
  for (const shard of unfinished)
    await endShard(pipeline, plan, shard, dispatches, { status: "skipped", reason: "superseded" }, tally);
  await closeRun(pipeline, plan, tally, jobs, (await machineSeconds(pipeline, jobs)) ?? busy);
  return true;
}
