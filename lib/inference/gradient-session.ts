import {
  atMidpoints,
  type GradientFunction,
  type LayerGradientFunction,
  type SegmentGradientFunction,
  type Target,
} from "../attribution/gradient-function";
import { mapConcurrently } from "../concurrency/map-concurrently";
import { Mutex } from "../concurrency/mutex";
import { EnvironmentError, ImageError, ModelError, UserError } from "../contract/errors";
import type { Tensor } from "../onnx/model";
import { float32Tensor } from "../onnx/tensor";
import { BatchPlan, type BatchOptions, type Task } from "./batch-plan";
import type { ClassModel } from "./class-model";
import type { GradientCache } from "./gradient-cache";
import type { FeatureLayer } from "./feature-layer";
import { alongSegments, type GradientRequest, type Kind } from "./gradient-graph";
import { ModelSessions } from "./model-sessions";
import type { SessionOptions } from "./session";

export interface GradientSessionOptions extends SessionOptions, BatchOptions {
  /** What the process may take with all sessions of this model. Default: 2 GiB. */
  readonly memoryBytes?: number | undefined;
  /** Left out: graphs are built anew in every process. */
  readonly cache?: GradientCache | undefined;
}

const defaultMemoryBytes = 2 * 2 ** 30;

interface Evaluation {
  /** Rows of the session's outputs, in their order, a point each: values, gradient, layer. */
  readonly outputs: readonly (readonly Float32Array[])[];
}

/** Logits, gradients and layer gradients of one classifier, a batch at a time within a memory budget. */
export class GradientSession {
  private readonly plan: BatchPlan;
  private readonly sessions: ModelSessions;
  private readonly evaluations = new Mutex();
  private segmentsWork: boolean | undefined;

  /** @param modelSha256 of the model's file, for the cache on disk */
  constructor(
    private readonly source: ClassModel,
    modelSha256: string,
    options: GradientSessionOptions = {},
  ) {
    const { memoryBytes = defaultMemoryBytes, cache, ...others } = options;
    this.plan = new BatchPlan(source, memoryBytes, others);
    this.sessions = new ModelSessions(source, modelSha256, this.plan.sessionBytes, others, cache);
  }

  /** Logits of each image, [classes]. */
  async logits(points: readonly Float32Array[]): Promise<Float32Array[]> {
    const {
      outputs: [values = []],
    } = await this.evaluate(points, "logits", undefined);
    return [...values];
  }

  gradientFunction(target: Target, rule: GradientRequest["rule"] = "true"): GradientFunction {
    return async (points) => {
      const {
        outputs: [values = [], gradients = []],
      } = await this.evaluate(points, { of: target.of, rule }, target.classIndex);
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
      const {
        outputs: [values = [], gradients = []],
      } = await this.evaluate(points, kind, target.classIndex);
      const valueOf = (row: Float32Array | undefined): number => row?.[target.classIndex] ?? NaN;
      return { start: valueOf(values[0]), end: valueOf(values.at(-1)), gradients };
    };
  }

  private takesSegments(kind: Exclude<Kind, "logits">): boolean {
    this.segmentsWork ??= this.source.fixedBatch === undefined && this.buildsSegments(kind);
    return this.segmentsWork;
  }

  private buildsSegments(kind: Exclude<Kind, "logits">): boolean {
    try {
      this.plan.fullBatch(kind);
      return true;
    } catch (error) {
      if (error instanceof ModelError && error.code === "autodiff.unsupported-case") return false;
      throw error;
    }
  }

  layerGradientFunction(
    target: Target,
    { name, channels, rows, columns, order }: FeatureLayer,
    rule: GradientRequest["rule"] = "true",
  ): LayerGradientFunction {
    const onGrid = (values: Float32Array): Float32Array =>
      order ? Float32Array.from(order, (element) => values[element] as number) : values;
    return async (points) => {
      const {
        outputs: [values = [], gradients = [], activations = []],
      } = await this.evaluate(points, { of: target.of, rule, layer: name }, target.classIndex);
      return {
        values: Float64Array.from(values, (row) => row[target.classIndex] as number),
        dims: [channels, rows, columns],
        activations: activations.map(onGrid),
        gradients: gradients.map(onGrid),
      };
    };
  }

  async close(): Promise<void> {
    await this.evaluations.waitForUnlock();
    await this.sessions.end();
  }

  /** One evaluation at a time: onnxruntime computes on the calling thread anyway, and sessions may close in between. */
  private evaluate(points: readonly Float32Array[], kind: Kind, classIndex: number | undefined): Promise<Evaluation> {
    return this.evaluations.runExclusive(() => this.evaluateWithinMemory(points, kind, classIndex));
  }

  /** When memory runs out (a graphics card tells no one how much it has left), smaller batches are tried, down to single images. */
  private async evaluateWithinMemory(
    points: readonly Float32Array[],
    kind: Kind,
    classIndex: number | undefined,
  ): Promise<Evaluation> {
    for (;;) {
      try {
        return await this.evaluateNow(points, kind, classIndex);
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        if (points.length <= 1 || !this.plan.halve(kind)) {
          throw new EnvironmentError(
            "memory.exhausted",
            `Expected enough memory for one image at a time but: ${(error as Error).message}`,
            { cause: error },
          );
        }
        await this.sessions.closeAll();
      }
    }
  }

  private async evaluateNow(
    points: readonly Float32Array[],
    kind: Kind,
    classIndex: number | undefined,
  ): Promise<Evaluation> {
    this.checkPoints(points);
    const rows: Float32Array[][] = [[], [], []];
    const isOfLayer = kind !== "logits" && kind.layer !== undefined;
    // Along segments neighbouring runs share a point: the values at it are those of the run that came first.
    const shared = alongSegments(kind) ? 1 : 0;
    const { workers, tasks } = this.plan.tasksFor(kind, points.length - shared);
    const partOf = ({ start, batch }: Task): readonly Float32Array[] => points.slice(start, start + batch + shared);
    const results = await mapConcurrently(tasks, workers, (task) =>
      this.runBatch(partOf(task), task.batch, kind, classIndex, workers),
    );
    results.forEach((outputs, task) => {
      const { start, batch } = tasks[task] as Task;
      const count = partOf(tasks[task] as Task).length;
      outputs.forEach(({ data, dims }, index) => {
        // A layer may hold the parts of an image on its first axis: what counts is how many images there were.
        const size = data.length / (isOfLayer && index > 0 ? batch : (dims[0] as number));
        const [from, to] = index === 0 ? [start > 0 ? shared : 0, count] : [0, count - shared];
        // Copies, so that a small row does not keep a whole batch's memory.
        for (let row = from; row < to; row++)
          rows[index]?.push((data as Float32Array).slice(row * size, (row + 1) * size));
      });
    });
    checkFinite(rows);
    return { outputs: rows };
  }

  private async runBatch(
    points: readonly Float32Array[],
    batch: number,
    kind: Kind,
    classIndex: number | undefined,
    workers: number,
  ): Promise<Tensor[]> {
    const { channels, height, width, name } = this.source.input;
    const size = channels * height * width;
    const images = alongSegments(kind) ? batch + 1 : batch;
    const input = new Float32Array(images * size);
    // A batch that is not full repeats its last image: zeros could overflow where images do not.
    for (let row = 0; row < images; row++)
      input.set(points[Math.min(row, points.length - 1)] as Float32Array, row * size);
    const session = await this.sessions.get(kind, batch, workers, this.plan.bytesOf(kind, batch));
    const feeds: Record<string, Tensor> = { [name]: float32Tensor(input, [images, channels, height, width]) };
    const cotangent = session.inputNames.find((other) => other !== name);
    if (cotangent !== undefined && classIndex !== undefined)
      feeds[cotangent] = oneHot(batch, this.classCount(), classIndex);
    const outputs = await session.run(feeds);
    return session.outputNames.map((output) => outputs.get(output) as Tensor);
  }

  private classCount(): number {
    return (
      this.source.classes ??
      raise(
        new ModelError(
          "model.classes",
          `Expected a fixed number of classes in output "${this.source.logits}" but the graph does not tell it`,
        ),
      )
    );
  }

  private checkPoints(points: readonly Float32Array[]): void {
    const { channels, height, width } = this.source.input;
    for (const point of points) {
      if (point.length !== channels * height * width) {
        throw new UserError(
          "inference.input-size",
          `Expected images of ${channels} × ${height} × ${width} = ${channels * height * width} values but received ${point.length}`,
        );
      }
      if (!allFinite(point))
        throw new ImageError(
          "image.not-finite",
          "Expected finite numbers in a preprocessed image but received NaN or infinity",
        );
    }
  }
}

function isOutOfMemory(error: unknown): boolean {
  return (
    error instanceof Error &&
    /out of memory|failed to allocate|bad_alloc|CUDA failure 2\b|cudaErrorMemoryAllocation/i.test(error.message)
  );
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
  rows.forEach((list, kind) =>
    list.forEach((row, index) => {
      if (allFinite(row)) return;
      throw new ImageError(
        "inference.not-finite",
        `Expected finite numbers in the ${outputKinds[kind]} of image ${index} but the model answered NaN or infinity`,
      );
    }),
  );
}

/** A loop, for `every` takes eight times as long, over as many values as an explanation has passes. */
function allFinite(values: Float32Array): boolean {
  for (let index = 0; index < values.length; index++) if (!Number.isFinite(values[index])) return false;
  return true;
}

function raise(error: Error): never {
  throw error;
}
