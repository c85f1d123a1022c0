import { classOutput } from "../autodiff/class-output";
import { closestNames } from "../contract/closest-names";
import { peelSoftmax, type SoftmaxHead } from "../autodiff/softmax-head";
import { workingCopy } from "../autodiff/working-copy";
import { ModelError, UserError } from "../contract/errors";
import { isFloat } from "../onnx/data-types";
import { GraphBuilder } from "../onnx/graph-builder";
import { inferShapes } from "../onnx/infer-shapes";
import type { Dimension, Model, ValueInfo } from "../onnx/model";

export interface ClassModelOptions {
  /** The image input. Default: the only float input of rank 4. */
  readonly input?: string | undefined;
  /** The output with a score a class. Default: the only float one. */
  readonly output?: string | undefined;
  /** Where the channels lie. Default: as the input's shape says. */
  readonly layout?: "NCHW" | "NHWC" | undefined;
  /** Height and width in pixels, for models that leave them open. */
  readonly size?: { readonly height: number; readonly width: number } | undefined;
}

/** A classifier's graph with everything known that its users need: what goes in, what comes out, where the logits are. */
export interface ClassModel {
  /** The graph, with the logits among its outputs and an input [batch, channels, height, width] whatever the file's layout. */
  readonly model: Model;
  readonly input: {
    readonly name: string;
    readonly channels: number;
    readonly height: number;
    readonly width: number;
    /** The layout in the file. */
    readonly layout: "NCHW" | "NHWC";
  };
  /** The output as the model has it: logits, or probabilities where a head was found. */
  readonly output: string;
  readonly logits: string;
  readonly head: SoftmaxHead["operator"] | undefined;
  /** Number of classes; undefined where the graph does not say. */
  readonly classes: number | undefined;
  /** A fixed batch that the graph insists on; undefined for any. */
  readonly fixedBatch: number | undefined;
}

const usualSize = 224;
const channelCounts: readonly Dimension[] = [1, 3, 4];

/**
 * Finds a classifier's input, output and logits.
 * @throws ModelError "model.input" (no float input of rank 4, or several), "model.layout" and those of `classOutput`;
 * UserError "model.size" when the asked size contradicts the graph
 */
export function classModelOf(model: Model, options: ClassModelOptions = {}): ClassModel {
  const image = imageInput(model, options.input);
  const [batch = null, first = null, second = null, third = null] = image.shape ?? [];
  const layout = options.layout ?? layoutOf(image.name, first, third);
  const [channels, height, width] = layout === "NCHW" ? [first, second, third] : [third, first, second];
  if (typeof channels !== "number") {
    throw new ModelError(
      "model.input",
      `Expected a fixed number of channels in input "${image.name}" but its shape is ${shapeText(image)}`,
    );
  }
  const output = classOutput(model, options.output);
  const peeled = peelSoftmax(
    layout === "NCHW" ? model : withChannelsFirst(model, image, [batch, channels, height, width]),
    output,
  );
  const shape = inferShapes(peeled.model).get(peeled.logits)?.shape;
  const classes = shape?.at(-1);
  return {
    model: peeled.model,
    output,
    logits: peeled.logits,
    head: peeled.head?.operator,
    input: {
      name: image.name,
      layout,
      channels,
      height: extentOf("height", height, options.size?.height),
      width: extentOf("width", width, options.size?.width),
    },
    classes: typeof classes === "number" ? classes : undefined,
    fixedBatch: typeof batch === "number" ? batch : undefined,
  };
}

function imageInput(model: Model, asked: string | undefined): ValueInfo {
  const { inputs } = model.graph;
  const described = inputs.map((info) => `"${info.name}" (${info.dataType} ${shapeText(info)})`).join(", ") || "none";
  if (asked !== undefined) {
    const info = inputs.find(({ name }) => name === asked);
    if (!info)
      throw new ModelError(
        "model.input",
        `Expected an input named "${asked}" but the closest are ${closestNames(
          asked,
          inputs.map(({ name }) => name),
        ).join(", ")}`,
      );
    if (!isImage(info))
      throw new ModelError(
        "model.input",
        `Expected a float input of four axes (batch, channels, height, width) but received ${described}`,
      );
    return info;
  }
  const [only, ...others] = inputs.filter(isImage);
  if (only && others.length === 0) return only;
  throw new ModelError(
    "model.input",
    only
      ? `Expected one float input of four axes but the model has ${1 + others.length}; name one of ${[only, ...others].map(({ name }) => `"${name}"`).join(", ")}`
      : `Expected a float input of four axes (batch, channels, height, width) but the model's inputs are ${described}`,
  );
}

/** The same model behind a Transpose: nobody else needs to know of the other layout. */
function withChannelsFirst(model: Model, input: ValueInfo, shape: readonly Dimension[]): Model {
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

function isImage({ dataType, shape }: ValueInfo): boolean {
  return isFloat(dataType) && shape?.length === 4;
}

function layoutOf(input: string, second: Dimension, last: Dimension): "NCHW" | "NHWC" {
  if (channelCounts.includes(second)) return "NCHW";
  if (channelCounts.includes(last)) return "NHWC";
  // Unusual numbers of channels are taken to lie where ONNX's own operators have them.
  if (typeof second === "number") return "NCHW";
  throw new ModelError(
    "model.layout",
    `Expected input "${input}" to have 1, 3 or 4 channels on its second or last axis but its extents are ${second ?? "?"} and ${last ?? "?"}; say which layout it has`,
  );
}

function extentOf(what: string, extent: Dimension, asked: number | undefined): number {
  if (typeof extent !== "number") return asked ?? usualSize;
  if (asked === undefined || asked === extent) return extent;
  throw new UserError(
    "model.size",
    `Expected a ${what} of ${extent} pixels, which the model is built for, but ${asked} was asked for`,
  );
}

function shapeText({ shape }: ValueInfo): string {
  return shape ? `[${shape.map((extent) => extent ?? "?").join(", ")}]` : "of unknown shape";
}
