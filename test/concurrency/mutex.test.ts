import { setImmediate as nextTurn } from "node:timers/promises";
import { Mutex } from "../../lib/concurrency/mutex";
import { failureOf } from "./controlled";

test("one action runs at a time, in the order in which they were asked for", async () => {
  const mutex = new Mutex();
  const events: string[] = [];
  const action = (name: string) => async (): Promise<string> => {
    events.push(`${name} begins`);
    await nextTurn();
    events.push(`${name} ends`);
    return name;
  };
  const answers = await Promise.all(["a", "b", "c"].map((name) => mutex.runExclusive(action(name))));
  expect(answers).toEqual(["a", "b", "c"]);
  expect(events).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("an error is its caller's alone: the next action has its turn", async () => {
  const mutex = new Mutex();
  const answers = await Promise.allSettled([
    mutex.runExclusive(() => Promise.reject(new Error("first"))),
    mutex.runExclusive(() => {
      throw new Error("at once");
    }),
    mutex.runExclusive(() => Promise.resolve("third")),
  ]);
  expect(answers).toMatchObject([
    { status: "rejected", reason: { message: "first" } },
    { status: "rejected", reason: { message: "at once" } },
    { status: "fulfilled", value: "third" },
  ]);
});

test("waiting for it to be free waits for all that was asked for, failed or not", async () => {
  const mutex = new Mutex();
  await mutex.waitForUnlock();
  let ended = 0;
  const failing = mutex.runExclusive(async () => {
    await nextTurn();
    ended++;
    throw new Error("failed");
  });
  const other = mutex.runExclusive(async () => {
    await nextTurn();
    ended++;
  });
  const caught = failureOf(failing);
  await mutex.waitForUnlock();
  expect(ended).toBe(2);
  expect(await caught).toBe("failed");
  await other;
});
