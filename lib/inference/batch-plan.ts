import { weightBytes } from "../onnx/graph-memory";
import { defaultThreads, type SessionOptions } from "./session";
import type { ClassModel } from "./class-model";
import { alongSegments, graphOf, type Kind } from "./gradient-graph";
import { batchWithin, demandOf, fitsWithin, largestBatch, type Demand } from "./memory-budget";

export interface BatchOptions extends Pick<SessionOptions, "provider" | "threads"> {
  /** Images computed at once. Default: as many as fit, up to 8. */
  readonly batch?: number | undefined;
  /**
   * Worker threads that compute several images side by side, one thread each. Default: one a core on the CPU, where
   * memory allows, for gradients of two images and more. 1: none.
   */
  readonly workers?: number | undefined;
}

/** Images to be computed by one run: from `start` on, as a session for `batch` images sees them. */
export interface Task {
  readonly start: number;
  readonly batch: number;
}

/** Below this memory a gradient is computed faster than it is handed to a worker and back. */
const worthAWorker = 48 * 2 ** 20;

/** Most segments computed at once, and fewest that are worth a worker: a chain cut in pieces computes the points between them twice. */
const largestChain = 9;
const shortestChain = 4;

const nodeBytes = 96 * 2 ** 20;

/** How lists of images are cut into batches and shared among workers, so that sessions and activations fit a memory budget. */
export class BatchPlan {
  private readonly batches = new Map<string, number>();
  private readonly demands = new Map<string, Demand>();

  /** What sessions may hold together. */
  readonly sessionBytes: number;

  /** @param memoryBytes for the whole process */
  constructor(
    private readonly source: ClassModel,
    private readonly memoryBytes: number,
    private readonly options: BatchOptions,
  ) {
    this.sessionBytes = Math.max(0, memoryBytes - this.heldBytes);
  }

  /** What the process holds beside its sessions: Node with what it is made of, and the model as it was read. */
  private get heldBytes(): number {
    return nodeBytes + 2 * weightBytes(this.source.model);
  }

  /** @param count images, or segments of a chain */
  tasksFor(kind: Kind, count: number): { readonly workers: number; readonly tasks: readonly Task[] } {
    const workers = this.workersFor(kind, count);
    const tasks: Task[] = [];
    for (let start = 0; start < count;) {
      const batch = workers > 1 ? this.batchOfWorker(kind, count, workers) : this.batchFor(kind, count, start);
      tasks.push({ start, batch });
      start += batch;
    }
    return { workers, tasks };
  }

  /** What a session is expected to hold when it runs. */
  bytesOf(kind: Kind, batch: number): number {
    const { fixed, perImage } = this.demandOf(kind);
    return fixed + batch * perImage;
  }

  /** The largest batch of a kind. */
  fullBatch(kind: Kind): number {
    return this.batches.get(JSON.stringify(kind)) ?? this.options.batch ?? this.fittingBatch(kind);
  }

  /** After memory ran out. Returns false where batches are of one image already. */
  halve(kind: Kind): boolean {
    const batch = this.fullBatch(kind);
    if (batch <= 1) return false;
    this.batches.set(JSON.stringify(kind), Math.floor(batch / 2));
    return true;
  }

  /** How many workers share a list of images: as many as fit the memory, if each has enough to do; else 1, this thread. */
  private workersFor(kind: Kind, count: number): number {
    const { provider = "cpu", workers = defaultThreads(), batch, threads = workers } = this.options;
    if (
      kind === "logits" ||
      provider !== "cpu" ||
      workers < 2 ||
      threads < 2 ||
      batch !== undefined ||
      this.source.fixedBatch !== undefined
    )
      return 1;
    if (count < (alongSegments(kind) ? workers * shortestChain : 2)) return 1;
    const each = this.bytesOf(kind, this.batchOfWorker(kind, count, workers));
    if (this.options.workers === undefined && each < worthAWorker) return 1;
    return workers * each <= this.sessionBytes / 2 ? workers : 1;
  }

  /** Images one by one; a chain in equal pieces, as long as the memory allows, so that no worker waits for another. */
  private batchOfWorker(kind: Kind, count: number, workers: number): number {
    if (!alongSegments(kind)) return 1;
    const piecesOf = (rounds: number): number => Math.ceil(count / (workers * rounds));
    let rounds = Math.ceil(count / (workers * largestChain));
    while (
      workers * this.bytesOf(kind, piecesOf(rounds)) > this.sessionBytes / 2 &&
      piecesOf(rounds + 1) >= shortestChain
    )
      rounds++;
    return piecesOf(rounds);
  }

  /** Full batches as far as they go; what remains in one padded batch, unless single images are fewer passes. A chain: in equal pieces. */
  private batchFor(kind: Kind, count: number, start: number): number {
    if (this.source.fixedBatch !== undefined) return this.source.fixedBatch;
    const full = this.fullBatch(kind);
    if (alongSegments(kind)) return Math.ceil(count / Math.ceil(count / full));
    const remaining = count - start;
    if (remaining === 1) return 1;
    return remaining >= full || remaining > full / 2 ? full : 1;
  }

  /**
   * Half the budget, so that the sessions for single images and for other maps can stay beside it; all of it for a network of
   * which half holds not one image.
   */
  private fittingBatch(kind: Kind): number {
    const demand = this.demandOf(kind);
    const most = alongSegments(kind) ? largestChain : largestBatch;
    const batch = fitsWithin(this.sessionBytes / 2, demand)
      ? batchWithin(this.sessionBytes / 2, demand, most)
      : batchWithin(this.memoryBytes, { ...demand, fixed: this.heldBytes + demand.fixed }, most);
    this.batches.set(JSON.stringify(kind), batch);
    return batch;
  }

  private demandOf(kind: Kind): Demand {
    const key = JSON.stringify(kind);
    const { fixedBatch = 1 } = this.source;
    const demand = this.demands.get(key) ?? demandOf(graphOf(this.source, kind, fixedBatch), fixedBatch);
    this.demands.set(key, demand);
    return demand;
  }
}
