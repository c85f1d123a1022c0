import type { Target } from "../attribution/gradient-function";
import { classIndexOf } from "../contract/class-index";
import { ImageError } from "../contract/errors";
import { signedMethods, type CompleteMethod } from "../contract/methods";
import type { ModelCard } from "../contract/model-card";
import type { Sha256 } from "../contract/names";
import type { Plan } from "../contract/plan";
import type { Completeness, Result } from "../contract/result";
import type { Settings } from "../contract/settings";
import { Decoder } from "../imaging/preparing/decoder";
import { renderFigure } from "../imaging/drawing/figure";
import { renderHeatmap } from "../imaging/drawing/heatmap";
import type { FloatMap } from "../imaging/image";
import { writeNpy } from "../imaging/drawing/npy";
import { renderOverlay } from "../imaging/drawing/overlay";
import { loadModel, type LoadModelOptions } from "../inference/load-model";
import type { Classifier } from "../inference/classifier";
import { annotations } from "../report/geojson";
import { applyMethod, targetOf } from "./apply-method";
import { LeftOutMethods } from "./left-out-methods";
import type { EncodedImage, ImageWork } from "../protocol/shard/image-work";
import { JoinedMap, prepareImage, type PreparedImages } from "./prepared-images";

/** An image's answer and maps, before they are drawn. */
export interface AnalysedImage {
  readonly prepared: PreparedImages;
  readonly prediction: Result["prediction"];
  readonly maps: readonly {
    readonly method: CompleteMethod;
    readonly target: Target;
    readonly map: FloatMap;
    readonly completeness: Completeness;
  }[];
  /** Methods that this model leaves no way to. */
  readonly warnings: readonly string[];
}

export type ComputeOptions = Pick<LoadModelOptions, "provider" | "threads" | "memoryBytes" | "cacheFolder">;

/** The network, the decoder's process and the drawing, as a worker's three stages. */
export async function openImageWork(
  { settings, model }: Pick<Plan, "settings" | "model">,
  bytes: Uint8Array,
  options: ComputeOptions,
): Promise<ImageWork<PreparedImages, AnalysedImage> & { prepare(bytes: Uint8Array): Promise<PreparedImages> }> {
  const classifier = await loadModel(bytes, { card: model.card, ...options });
  // A device that was asked for and is not there is found out now, not at the first image.
  if (classifier.provider !== "cpu") await classifier.predict([blank(classifier)]);
  const decoder = new Decoder();
  const leftOut = new LeftOutMethods();
  return {
    provider: classifier.provider,
    prepare: (image) => prepareImage(decoder, image, { settings, card: model.card, input: classifier.input }),
    analyse: (prepared) => analyse(classifier, prepared, settings, model.card, leftOut),
    encode: (analysed) => encode(analysed, model.card, settings),
    close: async () => {
      await decoder.close();
      await classifier.close();
    },
  };
}

const blank = ({ input: { channels, height, width } }: Classifier): Float32Array =>
  new Float32Array(channels * height * width);

async function analyse(
  classifier: Classifier,
  prepared: PreparedImages,
  settings: Settings,
  card: ModelCard,
  leftOut: LeftOutMethods,
): Promise<AnalysedImage> {
  const predictions: Predictions[number][] = [];
  for await (const tensors of prepared.tensors()) predictions.push(...(await classifier.predict([...tensors])));
  const prediction = joined(predictions, classifier);
  const classIndex =
    settings.target === "predicted"
      ? prediction.classIndex
      : classIndexOf(settings.target.class, classifier.classNames);
  const target: Target = { classIndex, of: settings.of };
  const explained = settings.methods.map((method) => ({
    method,
    map: new JoinedMap(prepared),
    completeness: [] as Completeness[],
  }));
  let part = 0;
  for await (const tensors of prepared.tensors()) {
    for (const tensor of tensors) {
      for (const { method, map: joinedMap, completeness: figures } of explained) {
        const attribution = await leftOut.attempt(method, () =>
          applyMethod(classifier, method, target, tensor, card.input),
        );
        if (!attribution) continue;
        const { map, height, width, completeness } = attribution;
        if (!map.every(Number.isFinite))
          throw new ImageError(
            "explanation.not-finite",
            `Expected finite numbers in the map of ${method.name} but found NaN or infinity`,
          );
        joinedMap.add(part, { data: map, height, width });
        figures.push(completeness);
      }
      part++;
    }
  }
  const maps = explained
    .filter(({ completeness }) => completeness.length === part)
    .map(({ method, map, completeness }) => ({
      method,
      target: targetOf(method, target),
      map: map.finish(),
      completeness: worstOf(completeness),
    }));
  return { prepared, prediction, maps, warnings: [...(card.guesses ?? []), ...leftOut.sentences] };
}

type Predictions = Awaited<ReturnType<Classifier["predict"]>>;

/** Of several tiles the mean of their probabilities, and as logits what the head would make it of. */
function joined(predictions: Predictions, classifier: Classifier): Result["prediction"] {
  const { classNames, head } = classifier;
  const [first] = predictions;
  if (!first)
    throw new ImageError("image.no-parts", "Expected at least one part of the image to classify but there is none");
  const single = predictions.length === 1;
  const probabilities = Array.from(
    first.probabilities,
    (_, index) => predictions.reduce((sum, one) => sum + (one.probabilities[index] ?? 0), 0) / predictions.length,
  );
  const logits = single
    ? [...first.logits]
    : probabilities.map((share) => logarithm(share) - (isOfSigmoids(head) ? logarithm(1 - share) : 0));
  const classIndex = single ? first.classIndex : probabilities.indexOf(Math.max(...probabilities));
  if (![...probabilities, ...logits].every(Number.isFinite))
    throw new ImageError("inference.not-finite", "Expected finite scores but the model answered NaN or infinity");
  return {
    classIndex,
    className: classNames[classIndex] ?? String(classIndex),
    probability: Math.min(1, probabilities[classIndex] ?? 0),
    logits,
    probabilities,
    ...(head === "multi-label" ? { present: classifier.classesPresent(probabilities) } : {}),
  };
}

const logarithm = (share: number): number => Math.log(Math.max(share, Number.MIN_VALUE));

const isOfSigmoids = (head: Classifier["head"]): boolean => head === "sigmoid" || head === "multi-label";

/** Of several tiles: the figures of the worst, so that one bad tile is not averaged away. */
function worstOf(all: readonly Completeness[]): Completeness {
  const [first] = all;
  if (first && all.length === 1) return first;
  return {
    delta: worst(all.map(({ delta }) => delta)),
    relative: worst(all.map(({ relative }) => relative)),
    mapChange: worst(all.map(({ mapChange }) => mapChange)),
    passes: all.reduce((sum, { passes }) => sum + passes, 0),
    converged: all.every(({ converged }) => converged === null)
      ? null
      : all.every(({ converged }) => converged === true),
  };
}

function worst(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (most, value) => (value !== null && (most === null || Math.abs(value) > Math.abs(most)) ? value : most),
    null,
  );
}

async function encode(
  { prepared, prediction, maps, warnings }: AnalysedImage,
  { classes }: ModelCard,
  { figure }: Settings,
): Promise<EncodedImage> {
  const { image, picture, seen, thumbnail } = prepared;
  const sha256 = image.sha256 as Sha256;
  const explanations: EncodedImage["explanations"][number][] = [];
  for (const { method, target, map, completeness } of maps) {
    const signed = signedMethods.has(method.name);
    explanations.push({
      method: method.name,
      parameters: method,
      completeness,
      target: {
        classIndex: target.classIndex,
        className: classes[target.classIndex] ?? String(target.classIndex),
        of: target.of,
      },
      heatmap: renderHeatmap(map, signed),
      overlay: await renderOverlay(picture, map, signed),
      map: writeNpy({ shape: [map.height, map.width], data: map.data }),
    });
  }
  return {
    image: { sha256, width: image.width, height: image.height, format: image.format },
    seen,
    prediction,
    explanations,
    thumbnail,
    annotation: annotations(
      { image: { sha256 }, seen, prediction, explanations },
      maps.map(({ method, map }) => ({ method: method.name, map })),
    ),
    ...(figure && maps.length > 0
      ? {
          figure: await renderFigure(
            picture,
            maps.map(({ method, map }) => ({ title: method.name, map, signed: signedMethods.has(method.name) })),
          ),
        }
      : {}),
    warnings: [...warnings, ...image.warnings, ...(image.micronsPerPixel === undefined ? ["mpp unknown"] : [])],
  };
}
