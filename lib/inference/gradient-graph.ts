import { differentiateNamed } from "../autodiff/differentiate";
import { optimizeGradient, prepareForGradient } from "../autodiff/passes/gradient/optimize-gradient";
import { differentiateSegments } from "../autodiff/segments/segments";
import { workingCopy } from "../autodiff/working-copy";
import { ModelError } from "../contract/errors";
import { GraphBuilder } from "../onnx/graph-builder";
import { inferShapes } from "../onnx/infer-shapes";
import type { Model } from "../onnx/model";
import { prune } from "../onnx/prune";
import { specialize } from "../onnx/specialize";
import type { ClassModel } from "./class-model";

export interface GradientRequest {
  readonly batch: number;
  /** "segments": the mean gradients along the `batch` segments of a chain of batch + 1 images, and their values. */
  readonly along?: "segments" | undefined;
  readonly of: "logit" | "probability";
  readonly rule: "true" | "guided" | "deconvnet";
  /** Differentiate with respect to a feature map, and return it too. Left out: with respect to the input. */
  readonly layer?: string | undefined;
}

/** What of a classifier is computed. */
export type Kind = Pick<GradientRequest, "of" | "rule" | "layer" | "along"> | "logits";

export function alongSegments(kind: Kind): boolean {
  return kind !== "logits" && kind.along === "segments";
}

export function graphOf(source: ClassModel, kind: Kind, batch: number): Model {
  return kind === "logits" ? logitsGraphOf(source, batch) : gradientGraphOf(source, { ...kind, batch });
}

/**
 * The gradient of logits or probabilities as a model of fixed shapes. Inputs: the images, and the cotangent of the values
 * [batch, classes]. Outputs, in this order: the values [batch, classes], the gradient, and the layer's values if one was
 * asked for.
 */
export function gradientGraphOf(source: ClassModel, request: GradientRequest): Model {
  return optimizeGradient(
    derive(source, request, (network) =>
      prepareForGradient(network, request.along === "segments" ? "segments" : request.rule),
    ),
  );
}

/** The same as the rules emit it, without any rewriting: slower, and what the passes are measured against. */
export function plainGradientGraphOf(source: ClassModel, request: GradientRequest): Model {
  return derive(source, request, (network) => network);
}

function derive(
  source: ClassModel,
  { batch, of, rule, layer, along }: GradientRequest,
  prepare: (network: Model) => Model,
): Model {
  const { model, values } = of === "logit" ? { model: source.model, values: source.logits } : withProbabilities(source);
  if (along === "segments") {
    const { name: input, channels, height, width } = source.input;
    const prepared = prepare(withTypes(prune(model, [values])));
    return withTypes(
      differentiateSegments(prepared, { input, shape: [1, channels, height, width], output: values, segments: batch })
        .model,
    );
  }
  const wrt = layer ?? source.input.name;
  // As an output of its own, a layer keeps its name when the graph is simplified.
  const fixed = prepare(atBatch(prune(model, layer === undefined ? [values] : [values, layer]), source, batch));
  const { model: differentiated, gradients } = differentiateNamed(fixed, {
    outputs: [values],
    wrt: [wrt],
    rules: rule,
    strict: true,
  });
  const outputs = [values, gradients.get(wrt) ?? wrt, ...(layer === undefined ? [] : [layer])];
  return withTypes(prune(differentiated, outputs));
}

/** The forward pass alone at a fixed batch: the logits. */
export function logitsGraphOf(source: ClassModel, batch: number): Model {
  return atBatch(prune(source.model, [source.logits]), source, batch);
}

function atBatch(model: Model, { input: { name, channels, height, width } }: ClassModel, batch: number): Model {
  return specialize(model, { [name]: [batch, channels, height, width] });
}

function withTypes(model: Model): Model {
  const types = inferShapes(model);
  const made = new Set(model.graph.nodes.flatMap(({ outputs }) => outputs));
  return { ...model, graph: { ...model.graph, valueInfo: new Map([...types].filter(([name]) => made.has(name))) } };
}

/** Probabilities of the classes: the model's own, or what its head makes of the logits. */
function withProbabilities({ model, logits, head, probabilities }: ClassModel): { model: Model; values: string } {
  if (probabilities !== undefined) return { model, values: probabilities };
  const copy = workingCopy(model);
  const builder = new GraphBuilder(copy.graph, "probabilities/");
  const values =
    head === "sigmoid" || head === "multi-label"
      ? builder.add("Sigmoid", [logits])
      : builder.add("Softmax", [logits], { axis: -1 });
  const info = copy.graph.outputs.find(({ name }) => name === logits);
  if (!info)
    throw new ModelError(
      "model.unknown-type",
      `Expected the logits "${logits}" among the model's outputs but they are not there`,
    );
  copy.graph.outputs.push({ ...info, name: values });
  return { model: copy, values };
}
