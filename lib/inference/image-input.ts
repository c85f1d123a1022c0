import { workingCopy } from "../autodiff/working-copy";
import { closestNames } from "../contract/closest-names";
import { ModelError } from "../contract/errors";
import { dataTypeCode, isFloat } from "../onnx/data-types";
import { GraphBuilder } from "../onnx/graph-builder";
import type { DataType, Dimension, Model, Node, ValueInfo } from "../onnx/model";
import { usedNames } from "../onnx/references";

/** Types of whole numbers in which models take pixels of 0 to 255. */
const pixelTypes = new Set<DataType>(["uint8", "uint16", "int32", "int64", "uint32"]);

/**
 * The input that takes the image, of those that an output is computed from: the one asked for, else the only one of four axes.
 * @throws ModelError "model.input" when there is none, when several could be it, or when the output needs another input besides
 */
export function imageInputOf(model: Model, output: string, asked: string | undefined): ValueInfo {
  const needed = neededInputs(model, output);
  const described = needed.map((info) => `"${info.name}" (${typeText(info)})`).join(", ") || "none";
  const image = asked === undefined ? onlyImage(needed, described) : askedImage(model, asked, described);
  const others = needed.filter(({ name }) => name !== image.name);
  if (others.length > 0)
    throw new ModelError(
      "model.input",
      `Expected the image as the only input but the model needs ${others.map((info) => `"${info.name}" (${typeText(info)})`).join(" and ")} besides "${image.name}"`,
    );
  return image;
}

function onlyImage(needed: readonly ValueInfo[], described: string): ValueInfo {
  const images = needed.filter(isImage);
  const [only, ...others] = images;
  if (only && others.length === 0) return only;
  throw new ModelError(
    "model.input",
    only
      ? `Expected one image as input but the model needs ${images.length} at once: ${images.map(({ name }) => `"${name}"`).join(", ")}`
      : `Expected a float input of four axes (batch, channels, height, width) but the model's inputs are ${described}`,
  );
}

function askedImage({ graph }: Model, asked: string, described: string): ValueInfo {
  const info = graph.inputs.find(({ name }) => name === asked);
  const names = graph.inputs.map(({ name }) => name);
  if (!info)
    throw new ModelError(
      "model.input",
      `Expected an input named "${asked}" but the closest are ${closestNames(asked, names).join(", ")}`,
    );
  if (isImage(info)) return info;
  throw new ModelError(
    "model.input",
    `Expected a float input of four axes (batch, channels, height, width) but received ${described}`,
  );
}

function neededInputs({ graph }: Model, output: string): ValueInfo[] {
  const needed = new Set([output]);
  for (const node of graph.nodes.toReversed())
    if (node.outputs.some((name) => needed.has(name))) for (const name of usedNames(node)) needed.add(name);
  const inputs = graph.inputs.filter(({ name }) => needed.has(name));
  // Scores that depend on nothing are for the gradient to refuse.
  return inputs.length > 0 ? inputs : graph.inputs;
}

function isImage({ dataType, shape }: ValueInfo): boolean {
  return (isFloat(dataType) || pixelTypes.has(dataType)) && shape?.length === 4;
}

/** The same model for float32 images: other inputs than the image are left out, and the image may have come in another type. */
export function withFloatImage(model: Model, image: ValueInfo): Model {
  const copy = workingCopy(model);
  const { graph } = copy;
  graph.inputs = [{ ...image, dataType: "float32" }];
  if (image.dataType === "float32") return copy;
  if (pixelTypes.has(image.dataType) && asFloatPixels(copy, image.name)) return copy;
  const name = new GraphBuilder(graph).freshName(`${image.name}/${image.dataType}`);
  for (const node of graph.nodes) node.inputs = node.inputs.map((one) => (one === image.name ? name : one));
  graph.nodes.unshift(castNode(image.name, name, image.dataType));
  return copy;
}

/** What may be done to whole pixels before they become floats, and be done to floats as well. */
const moving = new Set(["Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Gather"]);

/**
 * Lets pixels be floats from the input on, so that a gradient gets there: with whole numbers between, it would stop at the Cast.
 * Changes nothing and returns false where the model computes with the whole numbers.
 */
function asFloatPixels({ graph }: Model, image: string): boolean {
  const pixels = new Set([image]);
  const casts: Node[] = [];
  for (const node of graph.nodes) {
    if (![...usedNames(node)].some((name) => pixels.has(name))) continue;
    const [output = ""] = node.outputs;
    if (node.domain !== "" || !pixels.has(node.inputs[0] ?? "")) return false;
    if (node.operator === "Cast") casts.push(node);
    else if (moving.has(node.operator)) pixels.add(output);
    else return false;
  }
  if (graph.outputs.some(({ name }) => pixels.has(name))) return false;
  for (const node of casts) if (!isFloatCast(node)) return false;
  for (const name of pixels) graph.valueInfo.delete(name);
  return true;
}

function isFloatCast({ attributes }: Node): boolean {
  const to = attributes["to"];
  return to?.kind === "int" && (["float32", "float64"] as const).some((type) => dataTypeCode(type) === to.value);
}

function castNode(from: string, to: string, type: DataType): Node {
  return {
    name: `${to}/node`,
    operator: "Cast",
    domain: "",
    inputs: [from],
    outputs: [to],
    attributes: { to: { kind: "int", value: dataTypeCode(type) } },
  };
}

/** The same model behind a Transpose: nobody else needs to know of the other layout. */
export function withChannelsFirst(model: Model, input: ValueInfo, shape: readonly Dimension[]): Model {
  const copy = workingCopy(model);
  const { graph } = copy;
  const moved = new GraphBuilder(graph).freshName(`${input.name}/NHWC`);
  for (const node of graph.nodes) node.inputs = node.inputs.map((name) => (name === input.name ? moved : name));
  graph.inputs = graph.inputs.map((info) => (info.name === input.name ? { ...info, shape } : info));
  graph.nodes.unshift({
    name: `${moved}/node`,
    operator: "Transpose",
    domain: "",
    inputs: [input.name],
    outputs: [moved],
    attributes: { perm: { kind: "ints", value: [0, 2, 3, 1] } },
  });
  return copy;
}

/** "float32 [N, 3, 64, 64]" */
function typeText({ dataType, shape }: Omit<ValueInfo, "name">): string {
  return `${dataType} ${shapeText(shape)}`;
}

export function shapeText(shape: readonly Dimension[] | undefined): string {
  return shape ? `[${shape.map((extent) => extent ?? "?").join(", ")}]` : "of unknown shape";
}
