import type { ObjectKey } from "../../lib/contract/names";
import { EnvironmentError, TransientError } from "../../lib/contract/errors";
import { compareAndSwap } from "../../lib/bucket/compare-and-swap";
import { createObject, readIfPresent, writeIfUnchanged } from "../../lib/bucket/objects";
import { mostTries } from "../../lib/bucket/patience";
import { withRetries } from "../../lib/bucket/retry";
import { ObjectNotFoundError } from "../../lib/storage/object-store";
import { MemoryStore } from "../protocol/memory-store";

/** A clock that only notes how long it was asked to wait. */
function notingClock(): { pauses: number[]; sleepAtMost: (milliseconds: number) => Promise<void> } {
  const pauses: number[] = [];
  return { pauses, sleepAtMost: async (milliseconds) => void pauses.push(milliseconds) };
}

const isGrowing = (pauses: readonly number[]): boolean =>
  pauses.every((pause, index) => pause > 0 && (index === 0 || pause >= (pauses[index - 1] ?? 0)));

const key = "runs/b/activity.json" as ObjectKey;

describe("compare and swap", () => {
  test("pauses longer each time others were faster, and answers what was swapped", async () => {
    const clock = notingClock();
    let tried = 0;
    const answer = await compareAndSwap({ clock }, "write", async () => (++tried === 4 ? { done: "it" } : undefined));
    expect(answer).toBe("it");
    expect(clock.pauses).toHaveLength(3);
    expect(isGrowing(clock.pauses)).toBe(true);
    expect(clock.pauses[2]).toBeGreaterThan(clock.pauses[0]!);
  });

  test("gives up in the end: a later try may succeed", async () => {
    const clock = notingClock();
    let tried = 0;
    const never = compareAndSwap({ clock }, "write it", async () => void tried++);
    await expect(never).rejects.toBeInstanceOf(TransientError);
    await expect(never).rejects.toMatchObject({ code: "storage.contended", message: /^Expected to write it within/ });
    expect(tried).toBe(mostTries);
    expect(clock.pauses).toHaveLength(mostTries - 1);
  });
});

describe("retries", () => {
  test("are made of what may pass, with growing pauses, and told how many they were", async () => {
    const clock = notingClock();
    const told: number[] = [];
    const failing = withRetries(clock, async (tried) => {
      told.push(tried);
      throw new TransientError("storage.unavailable", "Expected an answer but received SlowDown");
    });
    await expect(failing).rejects.toBeInstanceOf(TransientError);
    expect(told).toEqual(Array.from({ length: mostTries }, (_, index) => index + 1));
    expect(isGrowing(clock.pauses)).toBe(true);
  });

  test.each([
    new EnvironmentError("storage.denied", "Expected to be allowed"),
    new TransientError("storage.contended", "Expected to write it within 8 tries but others kept writing there"),
  ])("are not made of $code", async (error) => {
    const clock = notingClock();
    await expect(withRetries(clock, () => Promise.reject(error))).rejects.toBe(error);
    expect(clock.pauses).toEqual([]);
  });
});

describe("an object that others write to", () => {
  test("is created by one, replaced only as it was read, and not brought back when it was deleted", async () => {
    const store = new MemoryStore();
    expect(await readIfPresent(store, key)).toBeUndefined();
    expect(await createObject(store, key, "one", "text/plain")).toBe(true);
    expect(await createObject(store, key, "two", "text/plain")).toBe(false);
    const read = await readIfPresent(store, key);
    expect(Buffer.from(read!.body).toString()).toBe("one");
    expect(await writeIfUnchanged(store, key, "another", "two", "text/plain")).toBeUndefined();
    expect(await writeIfUnchanged(store, key, read!.facts.etag, "two", "text/plain")).toBe(
      (await store.head(key))!.etag,
    );
    await store.delete(key);
    expect(await writeIfUnchanged(store, key, read!.facts.etag, "three", "text/plain")).toBeUndefined();
    expect(await store.head(key)).toBeUndefined();
  });

  test("fails as its own content fails: another object's absence is no race", async () => {
    const store = new MemoryStore();
    store.write = async () => {
      throw new ObjectNotFoundError("another" as ObjectKey);
    };
    await expect(createObject(store, key, "x", "text/plain")).rejects.toBeInstanceOf(ObjectNotFoundError);
  });
});
