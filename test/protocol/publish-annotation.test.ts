import type { BatchName, ObjectKey, RunId, WorkId } from "../../lib/contract/names";
import { annotationKey } from "../../lib/contract/object-keys";
import { publishAnnotation } from "../../lib/protocol/shard/publish-annotation";
import { MemoryStore } from "./memory-store";
import { FakeClock } from "./world";

const batch = "b" as BatchName;
const item = { key: "incoming/b/a.png" as ObjectKey, work: "0".repeat(64) as WorkId };
const plan = (ordinal: number) => ({ batch, run: String(ordinal).repeat(16) as RunId, ordinal });
const geojson = (name: string): string =>
  JSON.stringify({ type: "FeatureCollection", features: [{ type: "Feature", properties: { name } }] });

async function published(
  store: MemoryStore,
): Promise<{ features: { properties: { name: string } }[]; cytolens: { ordinal: number } }> {
  return JSON.parse(Buffer.from((await store.read(annotationKey(batch, item.key))).body).toString("utf8")) as Awaited<
    ReturnType<typeof published>
  >;
}

test("the newest run's regions stay, in whatever order workers finish", async () => {
  for (const order of [
    [1, 2, 3],
    [3, 1, 2],
    [2, 3, 1],
  ]) {
    const store = new MemoryStore();
    await Promise.all(
      order.map((ordinal) =>
        publishAnnotation({ store, clock: new FakeClock() }, plan(ordinal), item, geojson(`run ${ordinal}`)),
      ),
    );
    expect(await published(store)).toMatchObject({
      type: "FeatureCollection",
      features: [{ properties: { name: "run 3" } }],
      cytolens: { ordinal: 3 },
    });
  }
});

test("a file that is not ours is replaced", async () => {
  const store = new MemoryStore();
  await store.write(annotationKey(batch, item.key), Buffer.from("not JSON"));
  await publishAnnotation({ store, clock: new FakeClock() }, plan(1), item, geojson("ours"));
  expect((await published(store)).features).toHaveLength(1);
});
