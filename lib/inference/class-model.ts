import { classOutput } from "../autodiff/class-output";
import type { SoftmaxHead } from "../autodiff/softmax-head";
import { ModelError, UserError } from "../contract/errors";
import type { Head } from "../contract/head";
import type { DataType, Dimension, Model, ValueInfo } from "../onnx/model";
import { inFullPrecision } from "./full-precision";
import { imageInputOf, shapeText, withChannelsFirst, withFloatImage } from "./image-input";
import { scoresOf } from "./class-scores";

export interface ClassModelOptions {
  /** The image input. Default: the only one of rank 4. */
  readonly input?: string | undefined;
  /** The output with a score a class. Default: the only float one. */
  readonly output?: string | undefined;
  /** Where the channels lie. Default: as the input's shape says. */
  readonly layout?: "NCHW" | "NHWC" | undefined;
  /** Height and width in pixels, for models that leave them open. */
  readonly size?: { readonly height: number; readonly width: number } | undefined;
  /** What turns the scores into probabilities; found from the graph unless told here. */
  readonly head?: Head | undefined;
}

/** A classifier's graph with everything known that its users need: what goes in, what comes out, where the logits are. */
export interface ClassModel {
  /**
   * The graph, with the logits [batch, classes] among its outputs and a float32 input [batch, channels, height, width],
   * whatever the file's types and layout.
   */
  readonly model: Model;
  readonly input: {
    readonly name: string;
    readonly channels: number;
    readonly height: number;
    readonly width: number;
    /** The layout in the file. */
    readonly layout: "NCHW" | "NHWC";
  };
  /** The image's type in the file: pixels of whole numbers go in as they are. */
  readonly imageType: DataType;
  /** The output as the model has it. */
  readonly output: string;
  readonly logits: string;
  /** The value with the probabilities; undefined where they are computed from the logits. */
  readonly probabilities: string | undefined;
  readonly head: Head;
  /** Nothing in the graph tells what the head is: `findClassModel` runs it to see. */
  readonly undecided: boolean;
  /** Whether operators keep the output from 0 to 1. */
  readonly withinUnit: boolean;
  /** The activation that was peeled off to find the logits. */
  readonly activation: SoftmaxHead["operator"] | undefined;
  /** What the head is, in a sentence. */
  readonly says: string;
  /** One score tells two classes apart. */
  readonly oneScore: boolean;
  /** Number of classes; undefined where the graph does not say. */
  readonly classes: number | undefined;
  /** A fixed batch that the graph insists on; undefined for any. */
  readonly fixedBatch: number | undefined;
}

const usualSize = 224;
const channelCounts: readonly Dimension[] = [1, 3, 4];

/**
 * Finds a classifier's input, output, logits and head, by the graph alone.
 * @throws ModelError "model.input" (no image input, several, or another input that is needed besides), "model.layout",
 * "model.not-scores", "model.head" and those of `classOutput`; UserError "model.size" when the asked size contradicts the graph
 */
export function classModelOf(file: Model, options: ClassModelOptions = {}): ClassModel {
  const output = classOutput(file, options.output);
  const image = imageInputOf(file, output, options.input);
  const [batch = null, first = null, second = null, third = null] = image.shape ?? [];
  const layout = options.layout ?? layoutOf(image.name, first, third);
  const [channels, height, width] = layout === "NCHW" ? [first, second, third] : [third, first, second];
  if (typeof channels !== "number") {
    throw new ModelError(
      "model.input",
      `Expected a fixed number of channels in input "${image.name}" but its shape is ${shapeText(image.shape)}`,
    );
  }
  const input = {
    name: image.name,
    layout,
    channels,
    height: extentOf("height", height, options.size?.height),
    width: extentOf("width", width, options.size?.width),
  };
  const model = asFloatImages(inFullPrecision(file), image.name, layout, [batch, channels, height, width]);
  const fixedBatch = typeof batch === "number" ? batch : quantisesByBatch(model) ? 1 : undefined;
  const scores = scoresOf(model, {
    output,
    head: options.head,
    image: { name: input.name, dims: [fixedBatch ?? 1, channels, input.height, input.width] },
  });
  return { ...scores, output, input, imageType: image.dataType, fixedBatch };
}

/** What classes are called when nobody says. */
export function usualClassNames({ oneScore }: Pick<ClassModel, "oneScore">, classes: number): string[] {
  return oneScore ? ["negative", "positive"] : Array.from({ length: classes }, (_, index) => `class ${index}`);
}

function asFloatImages(
  model: Model,
  name: string,
  layout: "NCHW" | "NHWC",
  channelsFirst: readonly Dimension[],
): Model {
  const image = model.graph.inputs.find((input) => input.name === name) as ValueInfo;
  const floats = withFloatImage(model, image);
  return layout === "NCHW" ? floats : withChannelsFirst(floats, image, channelsFirst);
}

/** Dynamic quantisation takes its scale from all images of a batch: alone, each has its own. */
function quantisesByBatch({ graph }: Model): boolean {
  return graph.nodes.some(({ operator }) => /^Dynamic(Quantize|Matmul)/i.test(operator));
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
