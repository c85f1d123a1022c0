import { atMidpoints, type GradientFunction, type LayerGradientFunction, type SegmentGradientFunction, type Target } from "../attribution/gradient-function";
import { passesVersion } from "../autodiff/passes/optimize-gradient";
import { EnvironmentError, ImageError, ModelError, UserError } from "../contract/errors";
import { engineVersion } from "../contract/engine-version";
import type { Model, Tensor } from "../onnx/model";
import { float32Tensor } from "../onnx/tensor";
import { writeModel } from "../onnx/write-model";
import type { ClassModel } from "./class-model";
import type { GradientCache } from "./gradient-cache";
import { gradientGraphOf, logitsGraphOf, type GradientRequest } from "./gradient-graph";
import { batchWithin, fitsWithin, largestBatch, peakActivationBytes, weightBytes } from "./memory-budget";
import { runtimeVersion } from "./runtime";
import { defaultThreads, Session, type Computation, type SessionOptions } from "./session";
import { SessionCache } from "./session-cache";
import { WorkerPool } from "./worker-pool";

export interface GradientSessionOptions extends SessionOptions {
  /** What all sessions of this model together may hold, 2 GiB unless told. */
  readonly memoryBytes?: number | undefined;
  /** Images computed at once; as many as fit, up to 8, unless told. */
  readonly batch?: number | undefined;
  /**
   * Worker threads that compute several images side by side, one thread each. Unless told: one a core on the CPU, where
   * memory allows, for gradients of two images and more. 1: none.
   */
  readonly workers?: number | undefined;
  /** Left out: graphs are built anew in every process. */
  readonly cache?: GradientCache | undefined;
}

/** Below this memory a gradient is computed faster than it is handed to a worker and back. */
const worthAWorker = 48 * 2 ** 20;

/** Most segments computed at once, and fewest that are worth a worker: a chain cut in pieces computes the points between them twice. */
const largestChain = 9;
const shortestChain = 4;

const defaultMemoryBytes = 2 * 2 ** 30;

type Kind = Pick<GradientRequest, "of" | "rule" | "layer" | "along"> | "logits";

interface Evaluation {
  /** Rows of the session's outputs, in their order, a point each: values, gradient, layer. */
  readonly outputs: readonly (readonly Float32Array[])[];
  readonly layerDims: readonly number[];
}

/** Logits, gradients and layer gradients of one classifier, a batch at a time within a memory budget. */
export class GradientSession {
  private readonly sessions: SessionCache;
  private readonly batches = new Map<string, number>();
  private queue: Promise<unknown> = Promise.resolve();
  private readonly memoryBytes: number;

  /** @param modelSha256 of the model's file, for the cache on disk */
  constructor(private readonly source: ClassModel, private readonly modelSha256: string, private readonly options: GradientSessionOptions = {}) {
    this.memoryBytes = options.memoryBytes ?? defaultMemoryBytes;
    this.sessions = new SessionCache(this.memoryBytes);
  }

  /** Logits of each image, [classes]. */
  async logits(points: readonly Float32Array[]): Promise<Float32Array[]> {
    const { outputs: [values = []] } = await this.evaluate(points, "logits", undefined);
    return [...values];
  }

  gradientFunction(target: Target, rule: GradientRequest["rule"] = "true"): GradientFunction {
    return async (points) => {
      const { outputs: [values = [], gradients = []] } = await this.evaluate(points, { of: target.of, rule }, target.classIndex);
      return { values: Float64Array.from(values, (row) => row[target.classIndex] as number), gradients };
    };
  }

  /**
   * Mean gradients along the segments of a chain; in the middle of each segment for a model whose batch is fixed or not kept on the
   * first axis.
   */
  segmentGradientFunction(target: Target): SegmentGradientFunction {
    const kind = { of: target.of, rule: "true", along: "segments" } as const;
    return async (points) => {
      if (!this.takesSegments(kind)) return await atMidpoints(this.gradientFunction(target))(points);
      const { outputs: [values = [], gradients = []] } = await this.evaluate(points, kind, target.classIndex);
      const valueOf = (row: Float32Array | undefined): number => row?.[target.classIndex] ?? NaN;
      return { start: valueOf(values[0]), end: valueOf(values.at(-1)), gradients };
    };
  }

  private takesSegments(kind: Exclude<Kind, "logits">): boolean {
    this.segmentsWork ??= this.source.fixedBatch === undefined && this.buildsSegments(kind);
    return this.segmentsWork;
  }

  private segmentsWork: boolean | undefined;

  private buildsSegments(kind: Exclude<Kind, "logits">): boolean {
    try {
      this.fittingBatch(kind);
      return true;
    } catch (error) {
      if (error instanceof ModelError && error.code === "autodiff.unsupported-case") return false;
      throw error;
    }
  }

  /** @param layer the name of a feature map */
  layerGradientFunction(target: Target, layer: string, rule: GradientRequest["rule"] = "true"): LayerGradientFunction {
    return async (points) => {
      const { outputs: [values = [], gradients = [], activations = []], layerDims } = await this.evaluate(points, { of: target.of, rule, layer }, target.classIndex);
      const [, channels = 0, height = 0, width = 0] = layerDims;
      return { values: Float64Array.from(values, (row) => row[target.classIndex] as number), dims: [channels, height, width], activations, gradients };
    };
  }

  async close(): Promise<void> {
    await this.queue.catch(() => undefined);
    await this.sessions.close();
    await this.pool?.end();
    this.pool = undefined;
  }

  /** One evaluation at a time: onnxruntime computes on the calling thread anyway, and sessions may close in between. */
  private evaluate(points: readonly Float32Array[], kind: Kind, classIndex: number | undefined): Promise<Evaluation> {
    const result = this.queue.then(() => this.evaluateWithinMemory(points, kind, classIndex));
    this.queue = result.catch(() => undefined);
    return result;
  }

  /** When memory runs out (a graphics card tells no one how much it has left), smaller batches are tried, down to single images. */
  private async evaluateWithinMemory(points: readonly Float32Array[], kind: Kind, classIndex: number | undefined): Promise<Evaluation> {
    for (;;) {
      try {
        return await this.evaluateNow(points, kind, classIndex);
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        const batch = this.fullBatch(kind);
        if (batch <= 1 || points.length <= 1) {
          throw new EnvironmentError("memory.exhausted", `Expected enough memory for one image at a time but: ${(error as Error).message}`, { cause: error });
        }
        this.batches.set(JSON.stringify(kind), Math.floor(batch / 2));
        await this.sessions.close();
      }
    }
  }

  private async evaluateNow(points: readonly Float32Array[], kind: Kind, classIndex: number | undefined): Promise<Evaluation> {
    this.checkPoints(points);
    const rows: Float32Array[][] = [[], [], []];
    let layerDims: readonly number[] = [];
    // Along segments neighbouring runs share a point: the values at it are those of the run that came first.
    const shared = alongSegments(kind) ? 1 : 0;
    const workers = this.workersFor(kind, points.length - shared);
    const tasks: { start: number; batch: number; part: readonly Float32Array[] }[] = [];
    for (let start = 0; start + shared < points.length;) {
      const batch = workers > 1 ? this.batchOfWorker(kind, points.length - shared, workers) : this.batchFor(kind, points.length - shared, start);
      tasks.push({ start, batch, part: points.slice(start, start + batch + shared) });
      start += batch;
    }
    const results = await inTurn(tasks, workers, ({ batch, part }) => this.runBatch(part, batch, kind, classIndex, workers));
    results.forEach((outputs, task) => {
      const { start, part } = tasks[task] as (typeof tasks)[number];
      outputs.forEach(({ data, dims }, index) => {
        if (index === 2) layerDims = dims;
        const size = data.length / (dims[0] as number);
        const [from, to] = index === 0 ? [start > 0 ? shared : 0, part.length] : [0, part.length - shared];
        // Copies, so that a small row does not keep a whole batch's memory.
        for (let row = from; row < to; row++) rows[index]?.push((data as Float32Array).slice(row * size, (row + 1) * size));
      });
    });
    checkFinite(rows);
    return { outputs: rows, layerDims };
  }

  private async runBatch(points: readonly Float32Array[], batch: number, kind: Kind, classIndex: number | undefined, workers: number): Promise<Tensor[]> {
    const { channels, height, width, name } = this.source.input;
    const size = channels * height * width;
    const images = alongSegments(kind) ? batch + 1 : batch;
    const input = new Float32Array(images * size);
    // A batch that is not full repeats its last image: zeros could overflow where images do not.
    for (let row = 0; row < images; row++) input.set(points[Math.min(row, points.length - 1)] as Float32Array, row * size);
    const session = await this.sessionFor(kind, batch, workers);
    const feeds: Record<string, Tensor> = { [name]: float32Tensor(input, [images, channels, height, width]) };
    const cotangent = session.inputNames.find((other) => other !== name);
    if (cotangent !== undefined && classIndex !== undefined) feeds[cotangent] = oneHot(batch, this.classCount(), classIndex);
    const outputs = await session.run(feeds);
    return session.outputNames.map((output) => outputs.get(output) as Tensor);
  }

  private classCount(): number {
    return this.source.classes ?? raise(new ModelError("model.classes", `Expected a fixed number of classes in output "${this.source.logits}" but the graph does not tell it`));
  }

  private sessionFor(kind: Kind, batch: number, workers: number): Promise<Computation> {
    const key = JSON.stringify([kind, batch]);
    const expected = this.expectedBytes.get(key) ?? 0;
    // Tasks that start together ask for the same session: one of them opens it.
    this.opening = this.opening.catch(() => undefined).then(() => workers > 1
      ? this.sessions.get(`${key} × ${workers}`, workers * expected, async () => await this.poolOf(workers).open(key, await this.modelFor(kind, batch), this.options))
      : this.sessions.get(key, expected, async () => await Session.open(await this.modelFor(kind, batch), this.options)));
    return this.opening as Promise<Computation>;
  }

  private opening: Promise<unknown> = Promise.resolve();

  private poolOf(size: number): WorkerPool {
    this.pool ??= new WorkerPool(size);
    return this.pool;
  }

  private pool: WorkerPool | undefined;

  /** How many workers share a list of points: as many as fit the memory, if each has enough to do; else 1, this thread. */
  private workersFor(kind: Kind, count: number): number {
    const { provider = "cpu", workers = defaultThreads(), batch, threads = workers } = this.options;
    if (kind === "logits" || provider !== "cpu" || workers < 2 || threads < 2 || batch !== undefined || this.source.fixedBatch !== undefined) return 1;
    if (count < (alongSegments(kind) ? workers * shortestChain : 2)) return 1;
    this.fittingBatch(kind);
    const each = this.bytesOf(kind, this.batchOfWorker(kind, count, workers));
    if (this.options.workers === undefined && each < worthAWorker) return 1;
    return workers * each <= this.memoryBytes / 2 ? workers : 1;
  }

  private bytesOf(kind: Kind, batch: number): number {
    return this.expectedBytes.get(JSON.stringify([kind, batch])) ?? Infinity;
  }

  /** Images one by one; a chain in equal pieces, as long as the memory allows, so that no worker waits for another. */
  private batchOfWorker(kind: Kind, count: number, workers: number): number {
    if (!alongSegments(kind)) return 1;
    const piecesOf = (rounds: number): number => Math.ceil(count / (workers * rounds));
    let rounds = Math.ceil(count / (workers * largestChain));
    while (workers * this.bytesOf(kind, piecesOf(rounds)) > this.memoryBytes / 2 && piecesOf(rounds + 1) >= shortestChain) rounds++;
    return piecesOf(rounds);
  }

  private readonly expectedBytes = new Map<string, number>();

  private async modelFor(kind: Kind, batch: number): Promise<Uint8Array> {
    const { cache, provider = "cpu" } = this.options;
    if (!cache || kind === "logits") return writeModel(this.build(kind, batch));
    const identity = {
      modelSha256: this.modelSha256, engineVersion, passesVersion, runtimeVersion: runtimeVersion(), provider,
      input: this.source.input, output: this.source.output, request: { ...kind, batch },
    };
    const cached = await cache.get(identity);
    if (cached) return cached;
    const built = writeModel(this.build(kind, batch));
    await cache.put(identity, built);
    return built;
  }

  private build(kind: Kind, batch: number): Model {
    return kind === "logits" ? logitsGraphOf(this.source, batch) : gradientGraphOf(this.source, { ...kind, batch });
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

  private fullBatch(kind: Kind): number {
    return this.batches.get(JSON.stringify(kind)) ?? this.options.batch ?? this.fittingBatch(kind);
  }

  private fittingBatch(kind: Kind): number {
    const key = JSON.stringify(kind);
    const known = this.batches.get(key);
    if (known !== undefined) return known;
    const single = this.build(kind, 1);
    // Half the budget, so that the sessions for single images and for other maps can stay beside it; all of it for a network
    // of which half holds not one image.
    const most = alongSegments(kind) ? largestChain : largestBatch;
    const batch = batchWithin(fitsWithin(this.memoryBytes / 2, single) ? this.memoryBytes / 2 : this.memoryBytes, single, most);
    for (let size = 1; size <= most; size++) {
      this.expectedBytes.set(JSON.stringify([kind, size]), 2 * weightBytes(single) + size * peakActivationBytes(single));
    }
    this.batches.set(key, batch);
    return batch;
  }

  private checkPoints(points: readonly Float32Array[]): void {
    const { channels, height, width } = this.source.input;
    for (const point of points) {
      if (point.length !== channels * height * width) {
        throw new UserError("inference.input-size", `Expected images of ${channels} × ${height} × ${width} = ${channels * height * width} values but received ${point.length}`);
      }
      if (!allFinite(point)) throw new ImageError("image.not-finite", "Expected finite numbers in a preprocessed image but received NaN or infinity");
    }
  }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && /out of memory|failed to allocate|bad_alloc|CUDA failure 2\b|cudaErrorMemoryAllocation/i.test(error.message);
}

function alongSegments(kind: Kind): boolean {
  return kind !== "logits" && kind.along === "segments";
}

/** Does tasks in their order, so many at once. */
async function inTurn<Task, Result>(tasks: readonly Task[], atOnce: number, work: (task: Task) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < tasks.length; index = next++) results[index] = await work(tasks[index] as Task);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

function oneHot(rows: number, classes: number, index: number): Tensor {
  if (!Number.isInteger(index) || index < 0 || index >= classes) {
    throw new UserError("target.class", `Expected a class from 0 to ${classes - 1} but received ${index}`);
  }
  const data = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) data[row * classes + index] = 1;
  return float32Tensor(data, [rows, classes]);
}

const outputKinds = ["scores", "gradient", "feature map"];

function checkFinite(rows: readonly (readonly Float32Array[])[]): void {
  rows.forEach((list, kind) => list.forEach((row, index) => {
    if (allFinite(row)) return;
    throw new ImageError("inference.not-finite", `Expected finite numbers in the ${outputKinds[kind]} of image ${index} but the model answered NaN or infinity`);
  }));
}

/** A loop, for `every` takes eight times as long, over as many values as an explanation has passes. */
function allFinite(values: Float32Array): boolean {
  for (let index = 0; index < values.length; index++) if (!Number.isFinite(values[index])) return false;
  return true;
}

function raise(error: Error): never {
  throw error;
}
