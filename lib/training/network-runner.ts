import { Session } from "../inference/session";
import type { NetworkDefinition } from "../networks/network";
import type { Tensor } from "../onnx/model";
import { float32Tensor } from "../onnx/tensor";
import { writeModel } from "../onnx/write-model";
import type { SampleSource } from "./sample-source";
import type { Scores } from "./scores";

/** A network in inference mode whose weights are inputs, so that one session serves every epoch. */
export class NetworkRunner {
  private constructor(
    private readonly network: NetworkDefinition,
    private readonly session: Session,
    private readonly size: number,
  ) {}

  static async open(
    network: NetworkDefinition,
    weights: ReadonlyMap<string, Tensor>,
    size: number,
    threads?: number,
  ): Promise<NetworkRunner> {
    const model = network.build(weights);
    for (const { name, shape } of network.parameters) {
      model.graph.initializers.delete(name);
      model.graph.inputs.push({ name, dataType: "float32", shape });
    }
    return new NetworkRunner(network, await Session.open(writeModel(model), { threads }), size);
  }

  get classes(): number {
    return this.network.classes;
  }

  /** Logits of a batch, [count, classes, …]. */
  async logits(weights: Readonly<Record<string, Tensor>>, input: Float32Array, count: number): Promise<Float32Array> {
    const { channels } = this.network;
    const outputs = await this.session.run(
      { ...weights, input: float32Tensor(input, [count, channels, this.size, this.size]) },
      ["logits"],
    );
    return outputs.get("logits")?.data as Float32Array;
  }

  close(): Promise<void> {
    return this.session.close();
  }
}

/** Runs a network over every sample of a source, seen plainly. */
export async function scoreAll(
  runner: NetworkRunner,
  weights: Readonly<Record<string, Tensor>>,
  source: SampleSource,
  batchSize = 32,
): Promise<Scores> {
  const logits: Float32Array[] = [],
    labels: number[] = [];
  const ask = (start: number) =>
    source.batch(
      Array.from({ length: Math.min(batchSize, source.count - start) }, (_, index) => ({ sample: start + index })),
    );
  let pending = source.count > 0 ? ask(0) : undefined;
  for (let start = 0; pending; start += batchSize) {
    const batch = await pending;
    pending = start + batchSize < source.count ? ask(start + batchSize) : undefined;
    logits.push(await runner.logits(weights, batch.input, batch.count));
    for (const label of batch.labels) labels.push(Number(label));
  }
  const all = new Float32Array(logits.reduce((sum, part) => sum + part.length, 0));
  logits.reduce((at, part) => {
    all.set(part, at);
    return at + part.length;
  }, 0);
  return {
    logits: all,
    labels: Int32Array.from(labels),
    classes: runner.classes,
    labelsPerSample: source.labelsPerSample,
  };
}
