import path from "node:path";
import { Worker } from "node:worker_threads";
import { PendingRequests } from "../concurrency/pending-requests";
import { ModelError } from "../contract/errors";
import type { Tensor } from "../onnx/model";
import { silenceTelemetry } from "./runtime";
import type { Computation, SessionOptions } from "./session";
import type { WorkerReply, WorkerRequest } from "./session-worker";

type Order = WorkerRequest extends infer Request
  ? Request extends WorkerRequest
    ? Omit<Request, "id">
    : never
  : never;

/** One thread with sessions of its own. It keeps the process alive only while it is asked for something. */
class SessionThread {
  private readonly worker: Worker;
  private readonly requests = new PendingRequests<WorkerReply>();

  constructor() {
    this.worker = new Worker(path.join(__dirname, "session-worker.js"));
    this.worker.unref();
    this.worker.on("message", (reply: WorkerReply) => this.settle(reply));
    this.worker.on("error", (error) => this.requests.rejectAll(error));
    this.worker.on("exit", (code) => this.requests.rejectAll(new Error(`the worker ended with status ${code}`)));
  }

  ask(order: Order): Promise<WorkerReply> {
    return this.requests.send((id) => {
      this.worker.postMessage({ ...order, id }, transferredWith(order));
      this.worker.ref();
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  private settle(reply: WorkerReply): void {
    if (reply.error === undefined) this.requests.resolve(reply.id, reply);
    else this.requests.reject(reply.id, new Error(reply.error));
    if (this.requests.size === 0) this.worker.unref();
  }
}

function transferredWith(order: Order): ArrayBuffer[] {
  if (order.do === "run")
    return Object.values(order.feeds).flatMap(({ data }) => (Array.isArray(data) ? [] : [data.buffer as ArrayBuffer]));
  return order.do === "open" && typeof order.model !== "string" ? [order.model.buffer as ArrayBuffer] : [];
}

/**
 * Worker threads that compute single images side by side, a thread each. On two cores this beats one session with two
 * threads: nothing waits for the slower half of an operator, and what has no parallel kernel runs twice at once.
 */
export class WorkerPool {
  private threads: SessionThread[] = [];

  constructor(readonly size: number) {}

  /** A computation on every thread of the pool. `run` may be called as many times at once as there are threads. */
  async open(key: string, model: Uint8Array | string, options: SessionOptions): Promise<Computation> {
    silenceTelemetry();
    while (this.threads.length < this.size) this.threads.push(new SessionThread());
    const threads = this.threads;
    let names: WorkerReply | undefined;
    // One after the other: a model that is being loaded is in memory more than once. Bytes go to one thread each, and are gone afterwards.
    for (const thread of threads) {
      names = await attempt(
        thread.ask({
          do: "open",
          key,
          model: typeof model === "string" ? model : Uint8Array.from(model),
          options: { ...options, threads: 1 },
        }),
      );
    }
    return new PooledComputation(key, threads, names?.inputNames ?? [], names?.outputNames ?? []);
  }

  async end(): Promise<void> {
    const threads = this.threads;
    this.threads = [];
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

class PooledComputation implements Computation {
  private readonly free: SessionThread[];
  private readonly queue: ((thread: SessionThread) => void)[] = [];

  constructor(
    private readonly key: string,
    private readonly threads: readonly SessionThread[],
    readonly inputNames: readonly string[],
    readonly outputNames: readonly string[],
  ) {
    this.free = [...threads];
  }

  get atOnce(): number {
    return this.threads.length;
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Map<string, Tensor>> {
    const thread =
      this.free.pop() ??
      (await new Promise<SessionThread>((resolve) => {
        this.queue.push(resolve);
      }));
    try {
      const { outputs = [] } = await attempt(thread.ask({ do: "run", key: this.key, feeds }));
      return new Map(outputs);
    } finally {
      const next = this.queue.shift();
      if (next) next(thread);
      else this.free.push(thread);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.ask({ do: "close", key: this.key })));
  }
}

async function attempt(reply: Promise<WorkerReply>): Promise<WorkerReply> {
  try {
    return await reply;
  } catch (cause) {
    throw new ModelError("model.run", `Expected the model to run in a worker thread but: ${(cause as Error).message}`, {
      cause,
    });
  }
}
