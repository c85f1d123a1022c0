import { Mutex } from "../concurrency/mutex";
import type { BatchName } from "../contract/names";
import { collectBatch } from "../protocol/collect-batch";
import { handleTick } from "../protocol/handle-tick";
import { noteEvents } from "../protocol/note-uploads";
import { reconcile } from "../protocol/reconcile";
import { FolderEvents } from "./folder-events";
import { localPipeline, type LocalOptions, type LocalPipeline } from "./local-pipeline";
import { TimerHints } from "./timer-hints";

export interface WatchedBucket {
  readonly pipeline: LocalPipeline;
  stop(): Promise<void>;
}

const reconcileMilliseconds = 60_000;

/**
 * The drop folder: events, ticks, job ends and reconciliation wired to the functions that the Lambdas call.
 * One thing is done at a time; what fails is reported and left to the reconciler.
 */
export async function watchBucket(
  options: Omit<LocalOptions, "hints">,
  problem: (error: unknown) => void,
): Promise<WatchedBucket> {
  const mutex = new Mutex();
  const inTurn = (action: () => Promise<unknown>): void => {
    void mutex.runExclusive(() => action().catch(problem));
  };
  const hints = new TimerHints((batch: BatchName) => inTurn(() => handleTick(pipeline, batch)));
  const pipeline = localPipeline({ ...options, hints });
  pipeline.queue.on("job", (_facts, { batch, run }) => inTurn(() => collectBatch(pipeline, batch, run)));
  const events = new FolderEvents(options.folder);
  events.on("created", (keys) =>
    inTurn(async () => {
      for (const { error } of await noteEvents(
        pipeline,
        keys.map((key) => ({ key })),
      ))
        problem(error);
    }),
  );
  events.on("problem", problem);
  inTurn(() => reconcile(pipeline));
  await events.start();
  const timer = setInterval(() => inTurn(() => reconcile(pipeline)), reconcileMilliseconds);
  return {
    pipeline,
    stop: async () => {
      clearInterval(timer);
      hints.stop();
      await events.stop();
      await mutex.waitForUnlock();
      await pipeline.queue.stop();
      await mutex.waitForUnlock();
    },
  };
}
