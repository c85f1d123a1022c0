import { appendGradient } from "../autodiff/differentiate";
import { optimizeTraining, prepareForTraining } from "../autodiff/passes/optimize-training";
import { GraphBuilder } from "../onnx/graph-builder";
import { inferShapes } from "../onnx/infer-shapes";
import type { Model, Tensor } from "../onnx/model";
import { specialize } from "../onnx/specialize";
import type { NetworkDefinition, ParameterSpec } from "../networks/network";
import { emitStatistics } from "./batch-statistics";
import { emitLoss, type LossOptions } from "./loss";

/**
 * A network's loss with its gradient as one ONNX model. Inputs: `input`, `labels` (int64), a mask for each dropout, and the
 * parameters by name, so that one session serves all steps. Frozen parameters stay initialisers.
 */
export interface TrainingGraph {
  readonly model: Model;
  /** The scalar loss. */
  readonly loss: string;
  /** The output that holds d loss / d parameter, for each trainable parameter. */
  readonly gradients: ReadonlyMap<string, string>;
  /** The output that holds the next value of each running statistic. */
  readonly statistics: ReadonlyMap<string, string>;
}

export interface TrainingGraphOptions extends Omit<LossOptions, "classes"> {
  /** Fixes the batch, which spares the graph its arithmetic on shapes; any batch goes when it is left out. */
  readonly batch?: number | undefined;
  /** Parameters whose names begin with one of these keep their values (running statistics move on, as in PyTorch). */
  readonly freeze?: readonly string[] | undefined;
}

export function isStatistic({ role }: ParameterSpec): boolean {
  return role === "running-mean" || role === "running-variance";
}

export function isTrainable(parameter: ParameterSpec, freeze: readonly string[] = []): boolean {
  return !isStatistic(parameter) && !freeze.some((prefix) => parameter.name.startsWith(prefix));
}

export function buildTrainingGraph(network: NetworkDefinition, weights: ReadonlyMap<string, Tensor>, options: TrainingGraphOptions = {}): TrainingGraph {
  const model = prepareForTraining(typed(network.build(weights, { mode: "training" })));
  const { graph } = model;
  const trainable = network.parameters.filter((parameter) => isTrainable(parameter, options.freeze));
  for (const parameter of [...trainable, ...network.parameters.filter(isStatistic)]) {
    graph.initializers.delete(parameter.name);
    graph.inputs.push({ name: parameter.name, dataType: "float32", shape: parameter.shape });
  }
  const logits = graph.outputs.find(({ name }) => name === "logits");
  const rank = logits?.shape?.length ?? 2;
  graph.inputs.push({ name: "labels", dataType: "int64", shape: ["batch", ...(logits?.shape?.slice(2) ?? [])] });

  const builder = new GraphBuilder(graph, "loss/");
  const statistics = emitStatistics(builder, network);
  const loss = emitLoss(builder, "logits", "labels", rank, { ...options, classes: network.classes });
  typed(model);
  const found = appendGradient(model, new Map([[loss, builder.float32(1)]]), trainable.map(({ name }) => name));
  const gradients = new Map(trainable.map(({ name, shape }) => {
    const output = builder.add("Identity", [found.get(name) ?? ""], {}, builder.freshName(`d_${name}`));
    graph.outputs.push({ name: output, dataType: "float32", shape });
    return [name, output];
  }));
  graph.outputs.push({ name: loss, dataType: "float32", shape: [] });
  return { model: optimizeTraining(options.batch === undefined ? model : specialize(model, { batch: options.batch })), loss, gradients, statistics };
}

function typed(model: Model): Model {
  for (const [name, info] of inferShapes(model)) model.graph.valueInfo.set(name, info);
  return model;
}
