import { stat } from "node:fs/promises";
import { sha256Of } from "../contract/digests";
import { ModelError, UserError } from "../contract/errors";
import type { ModelCard } from "../contract/model-card";
import { readModelFolder, readModelWithCard } from "../networks/model-folder";
import { isFloat } from "../onnx/data-types";
import type { Model } from "../onnx/model";
import { readModel } from "../onnx/read-model";
import { Classifier } from "./classifier";
import { usualClassNames, type ClassModel, type ClassModelOptions } from "./class-model";
import { findClassModel } from "./find-class-model";
import { featureLayerOf, type FeatureLayer } from "./feature-layer";
import { GradientCache } from "./gradient-cache";
import { GradientSession, type GradientSessionOptions } from "./gradient-session";

/**
 * What `loadModel` cannot, or is not to, find out by itself.
 *
 * @example
 * ```ts
 * import type { LoadModelOptions } from "cytolens";
 *
 * const options: LoadModelOptions = { classNames: ["calm", "busy", "odd"], provider: "cpu", memoryBytes: 2 ** 30 };
 * ```
 */
export interface LoadModelOptions extends ClassModelOptions, Omit<GradientSessionOptions, "cache"> {
  /** What the classes are called, in the order of the scores. Default: the card's names, else "class 0", "class 1", … */
  readonly classNames?: readonly string[] | undefined;
  /** The card of a model that comes as bytes. */
  readonly card?: ModelCard | undefined;
  /** The tensor Grad-CAM reads. Default: the card's, else the last feature map. */
  readonly featureLayer?: string | undefined;
  /** Where gradient graphs are kept between processes; null: nowhere. Default: a folder in the user's cache. */
  readonly cacheFolder?: string | null | undefined;
}

/**
 * Loads a classifier from an ONNX file (with the card.json beside it, if there is one), a model folder or bytes.
 *
 * A classifier has one input [batch, channels, height, width] (or channels last), of floats or of pixels in whole numbers, and one
 * float output with a row of scores for each image. What the scores are (`head`: logits, probabilities, one sigmoid, several) is
 * found from the graph, where that does not tell by running a few noise images, and else has to be said; docs/models.md.
 *
 * @param source a path, or the bytes of an ONNX file
 * @returns a classifier; close it to free its memory
 * @throws UserError "model.not-found"; ModelError with the reason for a file that is not a usable classifier;
 * EnvironmentError when the provider asked for is not there (at the first prediction)
 * @example
 * ```ts
 * import { loadModel } from "cytolens";
 *
 * const model = await loadModel("model.onnx", { classNames: ["calm", "busy", "odd"] });
 * console.log(model.input.channels, model.input.height, model.input.width, model.classNames);
 * await model.close();
 * ```
 */
export async function loadModel(source: string | Uint8Array, options: LoadModelOptions = {}): Promise<Classifier> {
  const { bytes, card = options.card } = typeof source === "string" ? await readSource(source) : { bytes: source };
  const model = readModel(bytes);
  const classModel = await findClassModel(model, {
    input: options.input ?? card?.input.name,
    output: options.output ?? card?.output,
    layout: options.layout ?? card?.input.layout,
    size: options.size ?? card?.input,
    head: options.head ?? card?.head,
  });
  refuseNaN(classModel.model);
  refuseNormalisedPixels(classModel, card);
  const sha256 = sha256Of(bytes);
  const { cacheFolder, provider = "cpu" } = options;
  const cache = cacheFolder === null ? undefined : new GradientCache(cacheFolder);
  const session = new GradientSession(classModel, sha256, { ...options, cache });
  return new Classifier(
    sha256,
    classNamesOf(classModel, options.classNames ?? card?.classes),
    card,
    provider,
    featureLayer(classModel, options.featureLayer ?? card?.featureLayer),
    classModel,
    session,
  );
}

async function readSource(source: string): Promise<{ bytes: Uint8Array; card?: ModelCard }> {
  const found = await stat(source).catch(() => undefined);
  if (!found)
    throw new UserError("model.not-found", `Expected an ONNX file or a model folder at ${source} but nothing is there`);
  return found.isDirectory() ? await readModelFolder(source) : await readModelWithCard(source);
}

function classNamesOf(classModel: ClassModel, names: readonly string[] | undefined): readonly string[] {
  const { classes, logits } = classModel;
  if (classes === undefined) {
    if (names) return names;
    throw new ModelError(
      "model.classes",
      `Expected output "${logits}" to have a fixed number of classes but the graph does not tell it; name the classes`,
    );
  }
  if (names && names.length !== classes) {
    throw new ModelError(
      "model.classes",
      `Expected ${classes} class names, ${classModel.oneScore ? "of the negative and the positive class of the one score" : "one for each score"} in output "${classModel.output}", but received ${names.length}`,
    );
  }
  return names ?? usualClassNames(classModel, classes);
}

/** A layer asked for must be there; without one, a model may also have none. */
function featureLayer(classModel: ClassModel, asked: string | undefined): FeatureLayer | undefined {
  try {
    return featureLayerOf(classModel, asked);
  } catch (error) {
    if (asked === undefined && error instanceof ModelError && error.code === "model.no-feature-map") return undefined;
    throw error;
  }
}

/** Whole pixels go into the model as they are. */
function refuseNormalisedPixels({ input: { name }, imageType }: ClassModel, card: ModelCard | undefined): void {
  if (!card || isFloat(imageType)) return;
  const { scale, mean, std } = card.input;
  if (scale === 1 && mean.every((value) => value === 0) && std.every((value) => value === 1)) return;
  throw new ModelError(
    "model.card",
    `Expected the card of a model that takes ${imageType} pixels in "${name}" to say scale 1, mean 0 and std 1 but it says scale ${scale}, mean ${mean.join(", ")} and std ${std.join(", ")}`,
  );
}

function refuseNaN({ graph }: Model): void {
  for (const [name, { dataType, data }] of graph.initializers) {
    if (dataType !== "float32" && dataType !== "float64") continue;
    const values = data as Float32Array;
    for (let index = 0; index < values.length; index++) {
      if (Number.isNaN(values[index])) {
        throw new ModelError(
          "model.nan-weights",
          `Expected numbers as weights but "${name}" holds NaN at element ${index}`,
        );
      }
    }
  }
}
