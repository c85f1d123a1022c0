import { Session } from "../inference/session";
import type { DropoutSite, PathSite, ParameterSpec } from "../networks/network";
import { CounterRandom } from "../random/counter-random";
import type { Tensor } from "../onnx/model";
import { float32Tensor } from "../onnx/tensor";
import { writeModel } from "../onnx/write-model";
import { dropoutStream, pathStream, streamAt } from "./augment";
import type { Checkpoint, TrainingState } from "./checkpoint";
import { optimizerNamed } from "./choose-optimizer";
import type { Optimizer } from "./optimizer";
import { mixBatch } from "./mixup";
import type { Batch, SampleRequest } from "./sample-source";
import { countCorrect } from "./scores";
import type { TrainingSettings } from "./training-settings";
import type { TrainingRun } from "./training-run";
import { buildTrainingGraph, isTrainable, mixtureInputs, type TrainingGraph } from "./training-graph";

/** A network in training: its weights, the optimiser's running values, and the session that computes a step. */
export class TrainingSteps {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  private readonly weights = new Map<string, Tensor>();
  private readonly averaged = new Map<string, Tensor>();
  private readonly slots = new Map<string, Record<string, Float32Array>>();
  private readonly trainable: readonly ParameterSpec[];
  private readonly optimizer: Optimizer;
  private readonly settings: TrainingSettings;

  private constructor(
    private readonly run: TrainingRun,
    private readonly graph: TrainingGraph,
    private readonly session: Session,
  ) {
    const { network } = run;
    this.settings = run.settings;
    this.shapes = new Map(network.parameters.map(({ name, shape }) => [name, shape]));
    this.trainable = network.parameters.filter((parameter) => isTrainable(parameter, run.settings.freeze));
    this.optimizer = optimizerNamed(run.settings.optimizer, run.settings);
    for (const { name, shape } of network.parameters) {
      this.weights.set(name, float32Tensor(Float32Array.from(dataOf(run.weights, name)), shape));
      if (run.settings.averaging > 0)
        this.averaged.set(name, float32Tensor(Float32Array.from(dataOf(run.weights, name)), shape));
    }
    for (const { name } of this.trainable) {
      const length = this.weights.get(name)?.data.length ?? 0;
      this.slots.set(name, Object.fromEntries(this.optimizer.slots.map((slot) => [slot, new Float32Array(length)])));
    }
  }

  static async open(run: TrainingRun): Promise<TrainingSteps> {
    const {
      settings: { freeze, labelSmoothing, batch, mixup },
      classWeights,
      dice,
      network,
      weights,
      threads,
    } = run;
    const graph = buildTrainingGraph(network, weights, {
      freeze,
      labelSmoothing,
      classWeights,
      dice,
      batch,
      mixup: mixup !== undefined,
    });
    return new TrainingSteps(run, graph, await Session.open(writeModel(graph.model), { threads }));
  }

  /** One forward and backward pass and one update. `draws` says what the batch holds. */
  async step(
    batch: Batch,
    draws: readonly SampleRequest[],
    step: number,
    rate: number,
  ): Promise<{ loss: number; correct: number }> {
    const { network } = this.run;
    const { size, mixup, seed } = this.settings;
    const perSample = this.run.train.labelsPerSample;
    const labels: Tensor = {
      dataType: "int64",
      dims: perSample === 1 ? [batch.count] : [batch.count, size, size],
      data: batch.labels,
    };
    const mixed = mixup === undefined ? undefined : mixBatch(batch, draws, mixup, seed);
    const inputs = Object.fromEntries([...this.weights].filter(([name]) => this.session.inputNames.includes(name)));
    const masks = Object.fromEntries([
      ...network.dropouts.map((site, index) => [site.mask, this.dropoutMask(site, index, draws)]),
      ...network.paths.map((site, index) => [site.mask, this.pathMask(site, index, draws)]),
    ]);
    const outputs = await this.session.run({
      ...inputs,
      ...masks,
      ...(mixed && {
        [mixtureInputs.labels]: { dataType: "int64", dims: [batch.count], data: mixed.otherLabels },
        [mixtureInputs.shares]: float32Tensor(mixed.shares, [batch.count, 1]),
      }),
      labels,
      input: float32Tensor(mixed?.input ?? batch.input, [batch.count, network.channels, size, size]),
    });
    const loss = dataOf(outputs, this.graph.loss)[0] ?? Number.NaN;
    if (Number.isFinite(loss)) this.apply(outputs, step, rate);
    return {
      loss,
      correct: countCorrect({
        logits: dataOf(outputs, "logits"),
        labels: batch.labels,
        classes: network.classes,
        labelsPerSample: perSample,
      }),
    };
  }

  private apply(outputs: ReadonlyMap<string, Tensor>, step: number, rate: number): void {
    const { headRate = this.settings.rate } = this.settings;
    for (const { name, role, head } of this.trainable) {
      const gradient = dataOf(outputs, this.graph.gradients.get(name) ?? "");
      const decays = role === "convolution" || role === "linear";
      const own = head ? (rate * headRate) / this.settings.rate : rate;
      this.optimizer.update(dataOf(this.weights, name), gradient, this.slots.get(name) ?? {}, step, own, decays);
    }
    for (const [name, output] of this.graph.statistics) {
      dataOf(this.weights, name).set(dataOf(outputs, output));
    }
    // Early on the average follows closely, so that it does not remember the random beginning.
    const kept = Math.min(this.settings.averaging, (1 + step) / (10 + step));
    for (const [name, { data }] of this.averaged) {
      const average = data as Float32Array,
        current = dataOf(this.weights, name);
      for (let index = 0; index < average.length; index++)
        average[index] = kept * (average[index] as number) + (1 - kept) * (current[index] as number);
    }
  }

  /** What the network is judged and used with: the averaged weights where an average is kept. */
  inferenceWeights(): Readonly<Record<string, Tensor>> {
    return Object.fromEntries(this.averaged.size > 0 ? this.averaged : this.weights);
  }

  /** A mask a draw, from (seed, epoch, sample, repeat) alone: 0, or 1 / (1 − ratio). */
  private dropoutMask({ features, ratio }: DropoutSite, site: number, draws: readonly SampleRequest[]): Tensor {
    const dropped = this.settings.dropout ?? ratio;
    const mask = new Float32Array(draws.length * features);
    draws.forEach((draw, position) => {
      const random = this.randomOf(dropoutStream, site, draw);
      for (let feature = 0; feature < features; feature++)
        mask[position * features + feature] = random.chance(dropped) ? 0 : 1 / (1 - dropped);
    });
    return float32Tensor(mask, [draws.length, features]);
  }

  /** As for dropout: whole branches, the deeper the more often. */
  private pathMask({ depth }: PathSite, site: number, draws: readonly SampleRequest[]): Tensor {
    const dropped = (this.settings.dropPath ?? 0) * depth;
    const mask = Float32Array.from(draws, (draw) =>
      this.randomOf(pathStream, site, draw).chance(dropped) ? 0 : 1 / (1 - dropped),
    );
    return float32Tensor(mask, [draws.length, 1, 1, 1]);
  }

  private randomOf(stream: number, site: number, { sample, epoch = 0, repeat = 0 }: SampleRequest): CounterRandom {
    return new CounterRandom(this.settings.seed, streamAt(stream, site, repeat), epoch, sample);
  }

  checkpoint(state: TrainingState): Checkpoint {
    const slots = [...this.slots].flatMap(([name, values]) =>
      Object.entries(values).map(([slot, data]): [string, Float32Array] => [`${slot}/${name}`, data]),
    );
    return {
      state,
      weights: new Map(entriesOf(this.weights)),
      slots: new Map([...slots, ...entriesOf(this.averaged, "average/")]),
      best: new Map(entriesOf(this.weights).map(([name, data]) => [name, Float32Array.from(data)])),
    };
  }

  restore({ weights, slots }: Checkpoint): void {
    for (const [name, data] of weights) dataOf(this.weights, name).set(data);
    for (const [key, data] of slots) {
      const slot = key.slice(0, key.indexOf("/")),
        name = key.slice(key.indexOf("/") + 1);
      const target = slot === "average" ? dataOf(this.averaged, name) : this.slots.get(name)?.[slot];
      target?.set(data);
    }
  }

  close(): Promise<void> {
    return this.session.close();
  }
}

function entriesOf(tensors: ReadonlyMap<string, Tensor>, prefix = ""): [string, Float32Array][] {
  return [...tensors.keys()].map((name) => [prefix + name, dataOf(tensors, name)]);
}

function dataOf(tensors: ReadonlyMap<string, Tensor>, name: string): Float32Array {
  const tensor = tensors.get(name);
  if (!(tensor?.data instanceof Float32Array))
    throw new RangeError(`Expected a float32 tensor "${name}" in training but received ${tensor?.dataType ?? "none"}`);
  return tensor.data;
}
