import { setImmediate as nextTurn } from "node:timers/promises";
import { prefetch } from "../../lib/concurrency/prefetch";
import { Controlled, failureOf, printedByProgram } from "./controlled";

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of results) found.push(one);
  return found;
}

test("results come in the order of items, whatever order they are ready in", async () => {
  const work = new Controlled<number>();
  const results = all(prefetch([0, 1, 2], 2, work.begin));
  await nextTurn();
  for (const item of [2, 0, 1]) {
    work.end(item);
    await nextTurn();
  }
  expect(await results).toEqual([0, 1, 2]);
});

test.each([0, 1, 3])("%i items are begun beyond the one that is handed out", async (count) => {
  const work = new Controlled<number>();
  const items = [0, 1, 2, 3, 4, 5, 6, 7];
  const results = prefetch(items, count, work.begin);
  for (const item of items) {
    const next = results.next();
    await nextTurn();
    expect(work.inFlight).toBe(Math.min(count + 1, items.length - item));
    work.end(item);
    expect(await next).toEqual({ value: item, done: false });
    expect(work.begun).toHaveLength(Math.min(item + 1 + count, items.length));
  }
  expect((await results.next()).done).toBe(true);
});

test("an error comes in its turn, once, and nothing is begun after it or still running", async () => {
  const work = new Controlled<number>();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const one of prefetch([0, 1, 2, 3, 4, 5], 2, work.begin)) seen.push(one);
  })();
  const failed = failureOf(reading);
  await nextTurn();
  work.end(1, new Error("second"));
  work.end(2, new Error("third"));
  await nextTurn();
  expect(seen).toEqual([]);
  work.end(0);
  await nextTurn();
  work.end(3);
  expect(await failed).toBe("second");
  expect(seen).toEqual([0]);
  expect(work.begun).toEqual([0, 1, 2, 3]);
  expect(work.inFlight).toBe(0);
});

test("an error of a step that throws rather than rejects is the same", async () => {
  const results = prefetch([0], 0, () => {
    throw new Error("at once");
  });
  await expect(results.next()).rejects.toThrow("at once");
});

test("after a stop nothing is begun, and what was begun is handed out", async () => {
  const work = new Controlled<number>();
  const stop = new AbortController();
  const results = all(prefetch([0, 1, 2, 3], 1, work.begin, stop.signal));
  await nextTurn();
  stop.abort();
  work.end(1);
  work.end(0);
  expect(await results).toEqual([0, 1]);
  expect(work.begun).toEqual([0, 1]);
});

test("stopped before it begins, it does nothing", async () => {
  const work = new Controlled<number>();
  expect(await all(prefetch([0, 1], 1, work.begin, AbortSignal.abort()))).toEqual([]);
  expect(work.begun).toEqual([]);
});

test("who leaves early waits for what is in flight", async () => {
  const work = new Controlled<number>();
  let left = false;
  const reading = (async () => {
    for await (const one of prefetch([0, 1, 2, 3], 2, work.begin)) {
      if (one === 0) break;
    }
    left = true;
  })();
  await nextTurn();
  work.end(0);
  await nextTurn();
  expect(left).toBe(false);
  work.end(1);
  work.end(2, new Error("no one asks any more"));
  await reading;
  expect(work.begun).toEqual([0, 1, 2]);
});

test("an error that comes long before its turn ends no program", () => {
  const printed = printedByProgram(
    "prefetch",
    `const work = (milliseconds) => new Promise((resolve, reject) =>
       setTimeout(() => (milliseconds < 10 ? reject(new Error("too early")) : resolve(milliseconds)), milliseconds));
     (async () => {
       try {
         for await (const one of room.prefetch([50, 1, 2, 60], 3, work)) console.log(one);
       } catch (error) {
         console.log(error.message);
       }
     })();`,
  );
  expect(printed).toBe("50\ntoo early\n");
});
