import { differentiateNamed } from "../autodiff/differentiate";
import type { RuleChoice } from "../autodiff/rules";
import { ModelError } from "../contract/errors";
import { GraphBuilder } from "../onnx/graph-builder";
import { inferShapes } from "../onnx/infer-shapes";
import type { Model, ValueInfo } from "../onnx/model";
import { prune } from "../onnx/prune";
import { workingCopy } from "../autodiff/working-copy";
import type { ClassModel } from "./class-model";
import { featureLayerOf } from "./feature-layer";

export interface GradientRequest {
  readonly batch: number;
  readonly of: "logit" | "probability";
  readonly rule: "true" | "guided" | "deconvnet";
  /** Differentiate with respect to a feature map, and return it: a name, or "last" for the last one. Left out: the input. */
  readonly layer?: string | undefined;
}

/** A model whose outputs are, in this order, the values [batch, classes], the gradient, and the layer's values if one was asked for. */
export interface GradientGraph {
  readonly model: Model;
  /** The input that takes the cotangent of the values, [batch, classes]. */
  readonly cotangent: string;
  readonly wrt: string;
}

/** The gradient of logits or probabilities, as a model of fixed shapes. */
export function gradientGraphOf(source: ClassModel, { batch, of, rule, layer }: GradientRequest): GradientGraph {
  const fixed = atBatch(source, batch);
  const { model, values } = of === "logit" ? { model: fixed, values: source.logits } : withProbabilities(fixed, source);
  const wrt = layer === undefined ? source.input.name : featureLayerOf(model, model.graph.valueInfo, source.input.name, source.logits, layer === "last" ? undefined : layer);
  const rules: RuleChoice = rule;
  const { model: differentiated, cotangents, gradients } = differentiateNamed(model, { outputs: [values], wrt: [wrt], rules, strict: true });
  const { graph } = differentiated;
  const outputs = [values, gradients.get(wrt), ...(layer === undefined ? [] : [wrt])].map((name) => valueNamed(differentiated, name));
  const result = prune({ ...differentiated, graph: { ...graph, outputs } });
  return { model: withTypes(result), cotangent: cotangents.get(values) ?? missing(values), wrt };
}

/** The forward pass alone at a fixed batch: the logits. */
export function logitsGraphOf(source: ClassModel, batch: number): Model {
  const model = atBatch(source, batch);
  return prune({ ...model, graph: { ...model.graph, outputs: [valueNamed(model, source.logits)] } });
}

/** Types of every value for a single image. */
export function typesAt(source: ClassModel): ReadonlyMap<string, ValueInfo> {
  return atBatch(source, source.fixedBatch ?? 1).graph.valueInfo;
}

function atBatch({ model, input }: ClassModel, batch: number): Model {
  const shape = [batch, input.channels, input.height, input.width];
  const copy = workingCopy(model);
  copy.graph.inputs = copy.graph.inputs.map((info) => (info.name === input.name ? { ...info, shape } : info));
  // What the file says of symbolic extents would outlive the symbols.
  copy.graph.valueInfo.clear();
  copy.graph.outputs = copy.graph.outputs.map((info) => ({ ...info, shape: undefined }));
  return withTypes(copy);
}

function withTypes(model: Model): Model {
  const types = inferShapes(model);
  const made = new Set(model.graph.nodes.flatMap(({ outputs }) => outputs));
  return {
    ...model,
    graph: {
      ...model.graph,
      outputs: model.graph.outputs.map((info) => types.get(info.name) ?? info),
      valueInfo: new Map([...types].filter(([name]) => made.has(name))),
    },
  };
}

/** Probabilities over the last axis of the logits: the model's own head, or a softmax. */
function withProbabilities(model: Model, { logits, head, output }: ClassModel): { model: Model; values: string } {
  if (head === "Softmax" || head === "Sigmoid") return { model, values: output };
  const copy = workingCopy(model);
  const values = new GraphBuilder(copy.graph, "probabilities/").add("Softmax", [logits], { axis: -1 });
  const info = model.graph.valueInfo.get(logits);
  if (info) copy.graph.valueInfo.set(values, { ...info, name: values });
  return { model: copy, values };
}

function valueNamed({ graph }: Model, name: string | undefined): ValueInfo {
  return graph.outputs.find((info) => info.name === name) ?? graph.valueInfo.get(name ?? "") ?? missing(name ?? "");
}

function missing(name: string): never {
  throw new ModelError("model.unknown-type", `Expected the type of "${name}" to be known but nothing in the model tells it`);
}
