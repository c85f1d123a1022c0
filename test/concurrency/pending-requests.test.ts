import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { PendingRequests } from "../../lib/concurrency/pending-requests";
import { printedByProgram } from "./controlled";

test("each request gets the reply of its id, in any order", async () => {
  const requests = new PendingRequests<string>();
  const posted: number[] = [];
  const replies = ["a", "b", "c"].map(() => requests.send((id) => void posted.push(id)));
  expect(new Set(posted).size).toBe(3);
  expect(requests.size).toBe(3);
  const [first, second, third] = posted as [number, number, number];
  requests.resolve(third, "for the third");
  requests.reject(first, new Error("of the first"));
  requests.resolve(second, "for the second");
  requests.resolve(second, "once more");
  requests.resolve(99, "for no one");
  expect(requests.size).toBe(0);
  expect(await Promise.allSettled(replies)).toMatchObject([
    { status: "rejected", reason: { message: "of the first" } },
    { value: "for the second" },
    { value: "for the third" },
  ]);
});

test("what cannot be posted fails, and waits no longer", async () => {
  const requests = new PendingRequests<string>();
  const reply = requests.send(() => {
    throw new Error("cannot be cloned");
  });
  await expect(reply).rejects.toThrow("cannot be cloned");
  expect(requests.size).toBe(0);
});

test("a peer that is gone fails what waits and what comes later, with the first reason", async () => {
  const requests = new PendingRequests<string>();
  const waiting = requests.send(() => undefined);
  requests.rejectAll(new Error("the peer died"));
  requests.rejectAll(new Error("the peer ended"));
  await expect(waiting).rejects.toThrow("the peer died");
  let posted = false;
  const later = requests.send(() => {
    posted = true;
  });
  await expect(later).rejects.toThrow("the peer died");
  expect(posted).toBe(false);
});

test("a reply that no one fetches ends no program", () => {
  const printed = printedByProgram(
    "pending-requests",
    `const requests = new room.PendingRequests();
     requests.send(() => undefined);
     requests.rejectAll(new Error("the peer died"));
     requests.send(() => undefined);
     setTimeout(() => console.log("still here"), 10);`,
  );
  expect(printed).toBe("still here\n");
});

test("over a real thread, which answers out of order and then ends", async () => {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     parentPort.on("message", ({ id, milliseconds }) => {
       if (milliseconds < 0) process.exit(3);
       setTimeout(() => parentPort.postMessage({ id, milliseconds }), milliseconds);
     });`,
    { eval: true },
  );
  const requests = new PendingRequests<number>();
  worker.on("message", ({ id, milliseconds }: { id: number; milliseconds: number }) =>
    requests.resolve(id, milliseconds),
  );
  worker.on("exit", (code) => requests.rejectAll(new Error(`ended with ${code}`)));
  const ask = (milliseconds: number) => requests.send((id) => worker.postMessage({ id, milliseconds }, []));
  expect(await Promise.all([ask(30), ask(0), ask(10)])).toEqual([30, 0, 10]);
  const ended = once(worker, "exit");
  const last = ask(-1);
  await expect(last).rejects.toThrow("ended with 3");
  await ended;
});
