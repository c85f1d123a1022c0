import { setImmediate as nextTurn } from "node:timers/promises";
import { BoundedTasks } from "../../lib/concurrency/bounded-tasks";
import { Controlled, failureOf, printedByProgram } from "./controlled";

const taskOf = (work: Controlled<number>, item: number) => async (): Promise<void> => void (await work.begin(item));

test("a start waits while more are in flight than may be", async () => {
  const work = new Controlled<number>();
  const tasks = new BoundedTasks(2);
  await tasks.start(taskOf(work, 0));
  await tasks.start(taskOf(work, 1));
  let started = false;
  const third = tasks.start(taskOf(work, 2)).then(() => {
    started = true;
  });
  await nextTurn();
  expect(started).toBe(false);
  work.end(1);
  await third;
  expect(work.inFlight).toBe(2);
  work.end(0);
  work.end(2);
  await tasks.finished();
  expect(work.inFlight).toBe(0);
});

test("with a limit of 0 the caller waits for each", async () => {
  const work = new Controlled<number>();
  const tasks = new BoundedTasks(0);
  const starting = tasks.start(taskOf(work, 0));
  await nextTurn();
  work.end(0);
  await starting;
  expect(work.inFlight).toBe(0);
});

test("the first error is thrown at the next start, and no later one in its place; the end waits for all", async () => {
  const work = new Controlled<number>();
  const tasks = new BoundedTasks(3);
  for (const item of [0, 1, 2]) await tasks.start(taskOf(work, item));
  work.end(1, new Error("first"));
  await nextTurn();
  await expect(tasks.start(() => Promise.resolve())).rejects.toThrow("first");
  work.end(0, new Error("second"));
  const end = failureOf(tasks.finished());
  await nextTurn();
  expect(work.inFlight).toBe(1);
  work.end(2);
  expect(await end).toBe("first");
});

test("a task that fails while no one waits ends no program", () => {
  const printed = printedByProgram(
    "bounded-tasks",
    `(async () => {
       const tasks = new room.BoundedTasks(2);
       await tasks.start(() => Promise.reject(new Error("failed")));
       await new Promise((resolve) => setTimeout(resolve, 20));
       await tasks.finished().catch((error) => console.log(error.message));
     })();`,
  );
  expect(printed).toBe("failed\n");
});
