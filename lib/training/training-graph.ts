import { appendGradient } from "../autodiff/differentiate";
import { optimizeTraining, prepareForTraining } from "../autodiff/passes/training/optimize-training";
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

export interface TrainingGraphOptions extends Omit<LossOptions, "classes" | "mixture"> {
  /** Fixes the batch, which spares the graph its arithmetic on shapes; any batch goes when it is left out. */
  readonly batch?: number | undefined;
  /** Whether images are mixed: then the labels mixed in and the shares of the first labels are inputs too. */
  readonly mixup?: boolean | undefined;
  /** Parameters whose names begin with one of these keep their values (running statistics move on, as in PyTorch). */
  readonly freeze?: readonly string[] | undefined;
}

export const mixtureInputs = { labels: "mixture.labels", shares: "mixture.shares" } as const;

function isStatistic({ role }: ParameterSpec): boolean {
  return role === "running-mean" || role === "running-variance";
}

export function isTrainable(parameter: ParameterSpec, freeze: readonly string[] = []): boolean {
  return !isStatistic(parameter) && !freeze.some((prefix) => parameter.name.startsWith(prefix));
}

export function buildTrainingGraph(
  network: NetworkDefinition,
  weights: ReadonlyMap<string, Tensor>,
  options: TrainingGraphOptions = {},
): TrainingGraph {
  const trainable = network.parameters.filter((parameter) => isTrainable(parameter, options.freeze));
  const { forward, statistics } = forwardPass(network, weights, trainable);
  const model = prepareForTraining(
    options.batch === undefined ? typed(forward) : specialize(forward, { batch: options.batch }),
  );
  const { graph } = model;
  const logits = graph.outputs.find(({ name }) => name === "logits");
  graph.inputs.push({
    name: "labels",
    dataType: "int64",
    shape: [options.batch ?? "batch", ...(logits?.shape?.slice(2) ?? [])],
  });

  if (options.mixup) {
    graph.inputs.push(
      { name: mixtureInputs.labels, dataType: "int64", shape: [options.batch ?? "batch"] },
      { name: mixtureInputs.shares, dataType: "float32", shape: [options.batch ?? "batch", 1] },
    );
  }

  const builder = new GraphBuilder(graph, "loss/");
  const loss = emitLoss(builder, "logits", "labels", logits?.shape?.length ?? 2, {
    ...options,
    classes: network.classes,
    mixture: options.mixup ? mixtureInputs : undefined,
  });
  typed(model);
  const found = appendGradient(
    model,
    new Map([[loss, builder.float32(1)]]),
    trainable.map(({ name }) => name),
  );
  const gradients = new Map(
    trainable.map(({ name, shape }) => {
      const output = builder.add("Identity", [found.get(name) ?? ""], {}, builder.freshName(`d_${name}`));
      graph.outputs.push({ name: output, dataType: "float32", shape });
      return [name, output];
    }),
  );
  graph.outputs.push({ name: loss, dataType: "float32", shape: [] });
  return {
    model: options.batch === undefined ? model : optimizeTraining(specialize(model, {})),
    loss,
    gradients,
    statistics,
  };
}

/** Logits and the next running statistics; the parameters that change are inputs. */
function forwardPass(
  network: NetworkDefinition,
  weights: ReadonlyMap<string, Tensor>,
  trainable: readonly ParameterSpec[],
): { forward: Model; statistics: ReadonlyMap<string, string> } {
  const forward = network.build(weights, { mode: "training" });
  const { graph } = forward;
  for (const parameter of [...trainable, ...network.parameters.filter(isStatistic)]) {
    graph.initializers.delete(parameter.name);
    graph.inputs.push({ name: parameter.name, dataType: "float32", shape: parameter.shape });
  }
  return { forward, statistics: emitStatistics(new GraphBuilder(graph, "statistics/"), network) };
}

function typed(model: Model): Model {
  for (const [name, info] of inferShapes(model)) model.graph.valueInfo.set(name, info);
  return model;
}
