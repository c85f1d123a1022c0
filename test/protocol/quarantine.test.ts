import type { BatchName, RunId, WorkId } from "../../lib/contract/names";
import { suspectKey } from "../../lib/contract/object-keys";
import { suspects } from "../../lib/contract/suspects";
import { Quarantine } from "../../lib/protocol/shard/quarantine";
import { MemoryStore } from "./memory-store";

const key = (dispatch: number) => suspectKey("b" as BatchName, "0".repeat(16) as RunId, dispatch, 0);
const [one, two, three] = ["1", "2", "3"].map((digit) => digit.repeat(64) as WorkId) as [WorkId, WorkId, WorkId];
const works = [one, two, three];

async function noted(store: MemoryStore, dispatch = 0): Promise<unknown> {
  return JSON.parse(Buffer.from((await store.read(key(dispatch))).body).toString("utf8"));
}

test("what was in flight at a first death is suspected, what was alone at a second is quarantined", async () => {
  const store = new MemoryStore();
  const first = await Quarantine.open(store, key(0), 1);
  await Promise.all(works.map((work) => first.begin(work)));
  // Would be saved with what comes next, but the worker is killed here.
  first.end(one);
  expect(await noted(store)).toEqual({
    schemaVersion: 2,
    attempt: 1,
    inFlight: [one, two, three],
    suspected: [],
    quarantined: [],
  });

  const second = await Quarantine.open(store, key(0), 2);
  expect(works.map(second.isSuspected)).toEqual([true, true, true]);
  expect(works.map(second.isQuarantined)).toEqual([false, false, false]);
  await second.begin(two);

  const third = await Quarantine.open(store, key(0), 3);
  expect(works.map(third.isQuarantined)).toEqual([false, true, false]);
  await third.clear();
  const fourth = await Quarantine.open(store, key(0), 4);
  expect(works.map(fourth.isQuarantined)).toEqual([false, true, false]);
});

test("a twin of the same attempt accuses no one", async () => {
  const store = new MemoryStore();
  await (await Quarantine.open(store, key(0), 1)).begin(one);
  const twin = await Quarantine.open(store, key(0), 1);
  expect(works.map(twin.isSuspected)).toEqual([false, false, false]);
});

test("the next dispatch begins with the suspects of the one before, and with none of its quarantine", async () => {
  const store = new MemoryStore();
  for (const attempt of [1, 2]) await (await Quarantine.open(store, key(0), attempt)).begin(one);
  expect((await Quarantine.open(store, key(0), 3)).isQuarantined(one)).toBe(true);
  await (await Quarantine.open(store, key(0), 3)).clear();
  const next = await Quarantine.open(store, key(1), 1, key(0));
  expect(next.isSuspected(one)).toBe(true);
  expect(next.isQuarantined(one)).toBe(false);
  await next.begin(one);
  expect((await Quarantine.open(store, key(1), 2, key(0))).isQuarantined(one)).toBe(true);
});

describe("a note of version 1", () => {
  const first = { schemaVersion: 1, attempt: 2, inHand: [two], struck: [one, two], condemned: [one] };

  test("is read as one of version 2", () => {
    const second = { schemaVersion: 2, attempt: 2, inFlight: [two], suspected: [one, two], quarantined: [one] };
    expect(suspects.parse(first)).toEqual(second);
    expect(suspects.parse(second)).toEqual(second);
  });

  test.each([
    { ...first, schemaVersion: 2 },
    { ...first, inFlight: [] },
    { ...first, schemaVersion: 3 },
    { ...first, attempt: 0 },
  ])("is refused where it is not one (%#)", (document) => {
    expect(suspects.safeParse(document).success).toBe(false);
  });

  test("is carried on by the next attempt", async () => {
    const store = new MemoryStore();
    await store.write(key(0), JSON.stringify(first));
    const quarantine = await Quarantine.open(store, key(0), 3);
    expect(works.map(quarantine.isSuspected)).toEqual([true, true, false]);
    expect(works.map(quarantine.isQuarantined)).toEqual([true, true, false]);
    await quarantine.begin(three);
    expect(await noted(store)).toEqual({
      schemaVersion: 2,
      attempt: 3,
      inFlight: [three],
      suspected: [one, two],
      quarantined: [one, two],
    });
  });
});
