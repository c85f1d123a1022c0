import { setImmediate as nextTurn } from "node:timers/promises";
import { mapConcurrently } from "../../lib/concurrency/map-concurrently";
import { Controlled, failureOf, printedByProgram } from "./controlled";

test("results are in the order of items, and no more are in flight than may be", async () => {
  const work = new Controlled<number>();
  const results = mapConcurrently([0, 1, 2, 3, 4], 2, async (item) => (await work.begin(item)) * 10);
  expect(work.begun).toEqual([0, 1]);
  for (const item of [1, 2, 0, 4, 3]) {
    expect(work.inFlight).toBeLessThanOrEqual(2);
    work.end(item);
    await nextTurn();
  }
  expect(await results).toEqual([0, 10, 20, 30, 40]);
  expect(work.begun).toEqual([0, 1, 2, 3, 4]);
});

test.each([
  ["no items", [], 3],
  ["a limit below one", [1, 2], 0],
  ["a limit above the number of items", [1, 2], 9],
])("%s", async (_, items, limit) => {
  expect(await mapConcurrently(items, limit, (item) => Promise.resolve(item))).toEqual(items);
});

test("the first error in time is thrown, once all in flight has ended, and nothing is begun after it", async () => {
  const work = new Controlled<number>();
  let ended = false;
  const mapping = mapConcurrently([0, 1, 2, 3, 4], 3, work.begin).finally(() => {
    ended = true;
  });
  const failed = failureOf(mapping);
  work.end(1, new Error("of 1"));
  await nextTurn();
  work.end(0, new Error("of 0"));
  await nextTurn();
  expect(ended).toBe(false);
  work.end(2);
  expect(await failed).toBe("of 1");
  expect(work.begun).toEqual([0, 1, 2]);
});

test("errors of two at once end no program: the first is the caller's", () => {
  const printed = printedByProgram(
    "map-concurrently",
    `const work = (milliseconds) => new Promise((_, reject) =>
       setTimeout(() => reject(new Error("after " + milliseconds)), milliseconds));
     room.mapConcurrently([30, 1], 2, work).catch((error) => console.log(error.message));`,
  );
  expect(printed).toBe("after 1\n");
});
