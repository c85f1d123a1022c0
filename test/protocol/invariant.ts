import { workIdOf } from "../../lib/contract/digests";
import { engineVersion } from "../../lib/contract/engine-version";
import { incomingObject, resultKey } from "../../lib/contract/object-keys";
import { result as resultDocument } from "../../lib/contract/result";
import type { Outcome } from "../../lib/contract/outcome";
import { batchRows, runOutcomes } from "../../lib/protocol/collecting/batch-rows";
import { requireDocument } from "../../lib/bucket/documents";
import { freezeSettings } from "../../lib/protocol/planning/freeze-settings";
import { shardItems } from "../../lib/bucket/outcomes";
import { readPlans, readRunSummary } from "../../lib/bucket/runs";
import { sha256Of } from "../../lib/contract/digests";
import { listAll } from "../../lib/storage/object-store";
import { classOf, isBad } from "./fake-images";
import { batch, type World } from "./world";

/**
 * Each planned item ends exactly once as succeeded, failed(reason) or skipped(reason); no result is lost, none counted
 * twice, none wrong; what people open shows every image of the bucket as it is now.
 */
export async function checkInvariant(world: World): Promise<void> {
  const { store } = world;
  const plans = await readPlans(store, batch);
  for (const plan of plans) {
    const summary = await readRunSummary(store, batch, plan.run);
    expect(summary).toBeDefined();
    const planned: string[] = [];
    for (let shard = 0; shard < plan.shards; shard++)
      planned.push(...(await shardItems(store, plan, shard)).map(({ work }) => work));
    const ended: string[] = [];
    const counts = { planned: 0, succeeded: 0, failed: 0, skipped: 0 };
    for await (const outcomes of runOutcomes(store, plan)) {
      for (const outcome of outcomes) {
        ended.push(outcome.work);
        counts.planned++;
        counts[outcome.status]++;
        if (outcome.status !== "succeeded") continue;
        const found = await requireDocument(store, outcome.resultKey, resultDocument);
        expect(found.prediction.classIndex).toBe(outcome.classIndex);
        const content = store.contents.get(found.image.etag);
        expect(found.image.sha256).toBe(sha256Of(content!));
        expect(found.prediction.classIndex).toBe(classOf(content!));
        for (const { map, mapSha256 } of found.explanations)
          expect(sha256Of((await store.read(map)).body)).toBe(mapSha256);
      }
    }
    expect(ended.sort()).toEqual(planned.sort());
    expect(new Set(ended).size).toBe(ended.length);
    expect(summary!.counts).toEqual(counts);
    expect(counts.planned).toBe(plan.items);
  }
  const newest = plans.at(-1);
  if (!newest) return;
  const shown = await world.summary();
  expect(shown.counts.planned).toBe(shown.counts.succeeded + shown.counts.failed + shown.counts.skipped);
  expect(shown.runs).toHaveLength(plans.length);
  const failures = new Map(shown.failures.map(({ key, failure }) => [key as string, failure.code]));
  const rows = new Map<string, Outcome>();
  for await (const { outcome } of batchRows(store, plans)) rows.set(outcome.key, outcome);
  for await (const { key, etag } of listAll(store, `incoming/${batch}/`)) {
    if (incomingObject(key).kind !== "image") continue;
    expect(newest.settings).toEqual((await freezeSettings(store, batch)).settings);
    const { body } = await store.read(key);
    expect(rows.get(key)!.status).toBe(isBad(body) ? "failed" : "succeeded");
    if (isBad(body)) expect(failures.get(key)).toBe("image.truncated");
    else {
      expect(failures.get(key)).toBeUndefined();
      const work = workIdOf({ key, etag, settings: newest.settings, modelSha256: newest.model.sha256, engineVersion });
      expect(rows.get(key)!.work).toBe(work);
      const found = await requireDocument(store, resultKey(batch, key, work), resultDocument);
      expect(found.prediction.classIndex).toBe(classOf(body));
      expect(found.image.etag).toBe(etag);
    }
  }
}
