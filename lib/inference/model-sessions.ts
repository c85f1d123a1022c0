import { existsSync } from "node:fs";
import { passesVersion } from "../autodiff/passes/gradient/optimize-gradient";
import { Mutex } from "../concurrency/mutex";
import { engineVersion } from "../contract/engine-version";
import { writeModel } from "../onnx/write-model";
import type { ClassModel } from "./class-model";
import { collectGarbage } from "./collect-garbage";
import type { GradientCache } from "./gradient-cache";
import { graphOf, type Kind } from "./gradient-graph";
import { runtimeVersion } from "./runtime";
import { Session, type Computation, type SessionOptions } from "./session";
import { SessionCache } from "./session-cache";
import { WorkerPool } from "./worker-pool";

/** A session of fewer bytes leaves too little behind to stop for. */
const worthCollecting = 256 * 2 ** 20;

/** The sessions of one model, opened when they are first asked for: on this thread, or on a pool of workers. */
export class ModelSessions {
  private readonly live: SessionCache;
  private readonly opening = new Mutex();
  private pool: WorkerPool | undefined;

  /**
   * @param modelSha256 of the model's file, for the cache on disk
   * @param cache left out: graphs are built anew in every process
   */
  constructor(
    private readonly source: ClassModel,
    private readonly modelSha256: string,
    memoryBytes: number,
    private readonly options: SessionOptions,
    private readonly cache: GradientCache | undefined,
  ) {
    this.live = new SessionCache(memoryBytes);
  }

  /** @param bytes what one such session is expected to hold when it runs */
  get(kind: Kind, batch: number, workers: number, bytes: number): Promise<Computation> {
    const key = JSON.stringify([kind, batch]);
    const open = (model: Uint8Array | string): Promise<Computation> =>
      workers > 1 ? this.poolOf(workers).open(key, model, this.options) : Session.open(model, this.options);
    // Tasks that start together ask for the same session: one of them opens it.
    return this.opening.runExclusive(() =>
      this.live.get(workers > 1 ? `${key} × ${workers}` : key, workers * bytes, () =>
        this.open(kind, batch, bytes, open),
      ),
    );
  }

  private async open(
    kind: Kind,
    batch: number,
    bytes: number,
    open: (model: Uint8Array | string) => Promise<Computation>,
  ): Promise<Computation> {
    const build = (): Uint8Array => writeModel(graphOf(this.source, kind, batch));
    if (!this.cache || kind === "logits") return await open(build());
    const identity = {
      modelSha256: this.modelSha256,
      engineVersion,
      passesVersion,
      runtimeVersion: runtimeVersion(),
      provider: this.options.provider ?? "cpu",
      input: this.source.input,
      output: this.source.output,
      head: this.source.head,
      request: { ...kind, batch },
    };
    const file = (await this.cache.get(identity)) ?? (await this.cache.put(identity, build()));
    if (file !== undefined && bytes > worthCollecting) collectGarbage();
    try {
      return await open(file ?? build());
    } catch (error) {
      // Another process may have removed it meanwhile, to make room in the cache.
      if (file === undefined || existsSync(file)) throw error;
      return await open(build());
    }
  }

  /** Frees all memory; sessions are opened anew when they are asked for. */
  async closeAll(): Promise<void> {
    await this.live.close();
  }

  async end(): Promise<void> {
    await this.live.close();
    await this.pool?.end();
    this.pool = undefined;
  }

  private poolOf(size: number): WorkerPool {
    this.pool ??= new WorkerPool(size);
    return this.pool;
  }
}
