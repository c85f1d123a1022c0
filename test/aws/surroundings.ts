import { structuredLog, type StructuredLog } from "../../lib/aws/structured-log";
import type { Pipeline } from "../../lib/protocol/ports";
import { systemClock } from "../../lib/bucket/clock";
import type { ObjectStore } from "../../lib/storage/object-store";

export interface Surroundings {
  readonly pipeline: Pipeline;
  readonly log: StructuredLog;
  readonly lines: Record<string, unknown>[];
  readonly ticks: [string, number][];
}

const nothing = (): Promise<undefined> => Promise.resolve(undefined);

/** A pipeline over a store whose ticks and log lines are kept, whose jobs are never found, and that tells nobody. */
export function surroundings(store: ObjectStore): Surroundings {
  const lines: Record<string, unknown>[] = [];
  const ticks: [string, number][] = [];
  const pipeline: Pipeline = {
    store,
    clock: systemClock,
    publishers: [],
    hints: {
      tick: async (batch, seconds) => {
        ticks.push([batch, seconds]);
      },
    },
    notices: { publish: nothing },
    queue: { submit: async () => ({ jobId: "j" }), findByName: nothing, describe: nothing },
    policy: { idleSeconds: 60, itemsPerShard: () => 10, jobDefinition: null },
  };
  return {
    pipeline,
    log: structuredLog("S", (line) => lines.push(JSON.parse(line) as Record<string, unknown>)),
    lines,
    ticks,
  };
}
