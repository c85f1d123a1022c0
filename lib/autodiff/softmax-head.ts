import { ModelError } from "../contract/errors";
import { intAttribute } from "../onnx/attributes";
import { GraphBuilder } from "../onnx/graph-builder";
import type { Dimension, Graph, Model, Node, ValueInfo } from "../onnx/model";
import { closestNames } from "../contract/closest-names";
import { workingCopy } from "./working-copy";

/** The activation that turns logits into probabilities at the end of a classifier. */
export interface SoftmaxHead {
  readonly operator: "Softmax" | "LogSoftmax" | "Sigmoid";
  /** The value before the activation. */
  readonly logits: string;
  /** The nodes between the activation and the output, which only move or convert the values; in order. */
  readonly after: readonly Node[];
}

/** A model with its logits among its outputs, and what was peeled off to find them. */
export interface ModelWithLogits {
  readonly model: Model;
  /** The name of the output that holds the logits. */
  readonly logits: string;
  /** undefined when the output already was the logits. */
  readonly head: SoftmaxHead | undefined;
}

const passedOver = new Set(["Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Cast", "Dropout"]);

/** The softmax (over the class axis) that an output ends in, followed at most by nodes that move or convert values; else undefined. */
export function findSoftmaxHead(model: Model, output: string): SoftmaxHead | undefined {
  const { graph } = model;
  if (!graph.outputs.some(({ name }) => name === output)) {
    const names = graph.outputs.map(({ name }) => name);
    throw new ModelError(
      "autodiff.unknown-name",
      `Expected an output of the model but found none named "${output}"; the closest are ${closestNames(output, names).join(", ")}`,
    );
  }
  const after: Node[] = [];
  for (let value = output; ;) {
    const node = graph.nodes.find(({ outputs }) => outputs[0] === value);
    const input = node?.inputs[0];
    if (!node || !input || node.domain !== "") return undefined;
    if (isHead(node) && overClasses(model, node))
      return { operator: node.operator, logits: input, after: after.toReversed() };
    if (!passedOver.has(node.operator)) return undefined;
    after.push(node);
    value = input;
  }
}

/**
 * The model with the logits behind an output as an output of its own, shaped as the output is ([batch, classes], in
 * nats for a softmax). A head is a Softmax or LogSoftmax over the classes or a Sigmoid, followed at most by nodes that
 * move or convert values. Without one the output itself is taken for the logits and the model comes back as it was.
 * The model given is left as it is. Class scores are explained before the softmax, as Simonyan et al. 2014 have it
 * (Deep inside convolutional networks, section 2).
 *
 * @returns the model with the logits among its outputs, the name of the logits, and the head that was found, if any
 * @throws ModelError autodiff.unknown-name when the model has no such output
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { peelSoftmax, readModel } from "cytolens";
 *
 * const { logits, head } = peelSoftmax(readModel(await readFile("model.onnx")), "logits");
 * console.log(logits, head === undefined); // logits true
 * ```
 */
export function peelSoftmax(model: Model, output: string): ModelWithLogits {
  const head = findSoftmaxHead(model, output);
  if (!head) return { model, logits: output, head };
  const copy = workingCopy(model);
  const builder = new GraphBuilder(copy.graph, "logits/");
  let value = head.logits;
  for (const node of head.after) value = builder.add(node.operator, [value, ...node.inputs.slice(1)], node.attributes);
  if (!copy.graph.outputs.some(({ name }) => name === value)) {
    copy.graph.outputs.push({ ...(copy.graph.outputs.find(({ name }) => name === output) as ValueInfo), name: value });
  }
  return { model: copy, logits: value, head };
}

function isHead(node: Node): node is Node & { operator: SoftmaxHead["operator"] } {
  return node.operator === "Softmax" || node.operator === "LogSoftmax" || node.operator === "Sigmoid";
}

/** Classes lie along axis 1, which is the last axis of [batch, classes], or along the only axis of [batch, 1, 1, classes]. */
function overClasses(model: Model, node: Node): boolean {
  if (node.operator === "Sigmoid") return true;
  const axis = intAttribute(node, "axis", (model.opsets.get("") ?? 1) < 13 ? 1 : -1);
  if (axis === 1) return true;
  const shape = shapeOf(model.graph, [node.outputs[0], node.inputs[0]]);
  if (!shape) return axis === -1;
  const place = axis < 0 ? axis + shape.length : axis;
  return place === 1 || (place > 1 && shape.every((extent, other) => other === 0 || other === place || extent === 1));
}

function shapeOf(graph: Graph, names: readonly (string | undefined)[]): readonly Dimension[] | undefined {
  const infos = [...graph.outputs, ...graph.valueInfo.values()].filter(({ name }) => names.includes(name));
  return infos.find(({ shape }) => shape)?.shape;
}
