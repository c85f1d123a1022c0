import { plan as planDocument } from "../contract/plan";
import { runsPrefix } from "../contract/object-keys";
import { runSummary } from "../contract/summary";
import type { ObjectKey } from "../contract/names";
import type { ObjectStore, WriteOptions } from "../storage/object-store";
import { metricNames } from "./metric-names";
import type { StructuredLog } from "./structured-log";

/**
 * A store that counts what happens to batches. Plans and run summaries are created exactly once, whoever gets to it
 * first, so a metric written with them is written exactly once too.
 */
export function meteredStore(
  store: ObjectStore,
  log: StructuredLog,
  usdPerInstanceHour: number | undefined,
): ObjectStore {
  const write = async (
    key: ObjectKey,
    body: Uint8Array | string,
    options?: WriteOptions,
  ): Promise<{ readonly etag: string }> => {
    const written = await store.write(key, body, options);
    if (options?.only === "create" && key.startsWith(runsPrefix)) record(log, key, body, usdPerInstanceHour);
    return written;
  };
  return new Proxy(store, { get: (target, name) => (name === "write" ? write : bound(target, name)) });
}

function bound(target: ObjectStore, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === "function" ? (member as (...args: unknown[]) => unknown).bind(target) : member;
}

function record(
  log: StructuredLog,
  key: ObjectKey,
  body: Uint8Array | string,
  usdPerInstanceHour: number | undefined,
): void {
  if (/\/[0-9a-f]{16}\/plan\.json$/.test(key)) {
    const { batch, run, items, shards } = planDocument.parse(JSON.parse(Buffer.from(body).toString("utf8")));
    log.metrics({ [metricNames.planned]: items }, { batch, run, shards, message: "planned" });
  }
  if (/\/[0-9a-f]{16}\/summary\.json$/.test(key)) {
    const { batch, run, counts, seconds } = runSummary.parse(JSON.parse(Buffer.from(body).toString("utf8")));
    log.metrics(
      {
        [metricNames.succeeded]: counts.succeeded,
        [metricNames.failed]: counts.failed,
        [metricNames.skipped]: counts.skipped,
        [metricNames.seconds]: seconds,
        ...(usdPerInstanceHour === undefined ? {} : { [metricNames.cost]: (seconds / 3600) * usdPerInstanceHour }),
      },
      { batch, run, message: "run closed" },
    );
  }
}
