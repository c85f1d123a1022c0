import { availableParallelism } from "node:os";
import type { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import { EnvironmentError, ModelError } from "../contract/errors";
import type { DataType, Tensor, TensorData } from "../onnx/model";
import { chooseCudaPrecision, messageOf, onnxRuntime, type Provider } from "./runtime";

export interface SessionOptions {
  /** Default: "cpu". A provider that is not there is an EnvironmentError, never a silent run elsewhere. */
  readonly provider?: Provider | undefined;
  /** Threads within an operator. Default: every core. */
  readonly threads?: number | undefined;
  /** Lets CUDA round products to TensorFloat-32. Default: off. */
  readonly tf32?: boolean | undefined;
}

/** A model ready to be computed, on this thread or on others. */
export interface Computation {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** How many runs go on side by side; more wait. */
  readonly atOnce: number;
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Map<string, Tensor>>;
  close(): Promise<void>;
}

/** A model loaded into onnxruntime. Runs are computed one after the other. */
export class Session implements Computation {
  readonly atOnce = 1;

  private constructor(
    private readonly session: InferenceSession,
    readonly provider: Provider,
    readonly threads: number,
  ) {}

  /**
   * @param model a serialised model, or the path of its file
   * @throws EnvironmentError "provider.unavailable"; ModelError "model.refused" with onnxruntime's reason.
   */
  static async open(
    model: Uint8Array | string,
    { provider = "cpu", threads = defaultThreads(), tf32 = false }: SessionOptions = {},
  ): Promise<Session> {
    if (provider === "cuda") chooseCudaPrecision(tf32);
    try {
      const settings = {
        executionProviders: [provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        // Memory patterns reserve the sum of all activations up front: 60 % more memory and no time saved.
        enableMemPattern: false,
        logSeverityLevel: 3,
      } as const satisfies InferenceSession.SessionOptions;
      const { InferenceSession: Sessions } = onnxRuntime();
      const session =
        typeof model === "string" ? await Sessions.create(model, settings) : await Sessions.create(model, settings);
      return new Session(session, provider, threads);
    } catch (cause) {
      throw provider === "cpu" || !isAboutProvider(messageOf(cause)) ? refused(cause) : unavailable(provider, cause);
    }
  }

  get inputNames(): readonly string[] {
    return this.session.inputNames;
  }

  get outputNames(): readonly string[] {
    return this.session.outputNames;
  }

  /** The outputs by name, all of them unless some are named. */
  async run(feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<Map<string, Tensor>> {
    const { Tensor: RuntimeTensor } = onnxRuntime();
    const inputs: Record<string, RuntimeTensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) {
      inputs[name] = new RuntimeTensor(tensor.dataType as "float32", tensor.data as Float32Array, [...tensor.dims]);
    }
    try {
      const outputs = await (fetches ? this.session.run(inputs, [...fetches]) : this.session.run(inputs));
      return new Map(Object.entries(outputs).map(([name, value]) => [name, fromRuntime(value)]));
    } catch (cause) {
      throw new ModelError(
        "model.run",
        `Expected the model to run on ${describe(feeds)} but onnxruntime refused: ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  /** Frees the weights and the memory of the activations. */
  async close(): Promise<void> {
    await this.session.release();
  }
}

/** Threads for one session when nobody says: one a core. */
export function defaultThreads(): number {
  return availableParallelism();
}

function fromRuntime(value: InferenceSession.OnnxValueMapType[string]): Tensor {
  const tensor = value as RuntimeTensor;
  return { dataType: tensor.type as DataType, dims: tensor.dims, data: tensor.data as TensorData };
}

function describe(feeds: Readonly<Record<string, Tensor>>): string {
  return Object.entries(feeds)
    .map(([name, { dataType, dims }]) => `${name}: ${dataType} [${dims.join(", ")}]`)
    .join("; ");
}

function isAboutProvider(message: string): boolean {
  return /provider|shared library|cuda|webgpu|adapter|backend|cudnn|cublas/i.test(message);
}

function unavailable(provider: Provider, cause: unknown): EnvironmentError {
  return new EnvironmentError(
    "provider.unavailable",
    `Expected the ${provider} provider, as asked for, but onnxruntime has none here: ${messageOf(cause).split("\n", 1)[0]}`,
    { cause },
  );
}

function refused(cause: unknown): ModelError {
  return new ModelError(
    "model.refused",
    `Expected a model that onnxruntime can load but it said: ${messageOf(cause)}`,
    { cause },
  );
}
