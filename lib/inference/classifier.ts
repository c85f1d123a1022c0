import type {
  GradientFunction,
  LayerGradientFunction,
  SegmentGradientFunction,
  Target,
} from "../attribution/gradient-function";
import { usualThreshold, type Head } from "../contract/head";
import type { ModelCard } from "../contract/model-card";
import { imageNetNormalisation, pixelsAsTheyAre, type Normalisation } from "../contract/normalisation";
import { isFloat } from "../onnx/data-types";
import type { ClassModel } from "./class-model";
import { featureLayerOf, type FeatureLayer } from "./feature-layer";
import type { GradientRequest } from "./gradient-graph";
import type { GradientSession } from "./gradient-session";
import type { Provider } from "./runtime";

/**
 * What a network says of one image.
 *
 * @example
 * ```ts
 * import type { Prediction } from "cytolens";
 *
 * const said = ({ className, probability }: Prediction): string => `${className}: ${(100 * probability).toFixed(1)} %`;
 * ```
 */
export interface Prediction {
  readonly classIndex: number;
  readonly className: string;
  /** The probability of that class, as the model's head makes it. */
  readonly probability: number;
  /** [classes]: what the head makes probabilities of. */
  readonly logits: Float32Array;
  /** [classes], from 0 to 1. */
  readonly probabilities: Float32Array;
  /** Of a multi-label model: every class whose probability reaches its threshold. */
  readonly present?: readonly string[];
}

/**
 * A classifier ready to predict and to be explained. Images are float32 [channels, height, width], normalised as the
 * network expects, whatever the layout in its file. `loadModel` makes it.
 *
 * @example
 * ```ts
 * import { imageFor, loadModel, type Classifier } from "cytolens";
 *
 * async function name(model: Classifier, file: string): Promise<string | undefined> {
 *   const { tensor } = await imageFor(model, file);
 *   const [prediction] = await model.predict([tensor]);
 *   return prediction?.className;
 * }
 *
 * const model = await loadModel("model.onnx");
 * console.log(await name(model, "cell.png"));
 * await model.close();
 * ```
 */
export class Classifier {
  constructor(
    readonly sha256: string,
    readonly classNames: readonly string[],
    readonly card: ModelCard | undefined,
    readonly provider: Provider,
    private readonly layer: FeatureLayer | undefined,
    private readonly source: ClassModel,
    private readonly session: GradientSession,
  ) {}

  /** The tensor Grad-CAM reads by default; undefined where nothing of the model lies on the image's grid. */
  get featureLayer(): string | undefined {
    return this.layer?.name;
  }

  /** Name, channels, height and width of the input, and the layout in the file. */
  get input(): ClassModel["input"] {
    return this.source.input;
  }

  /** What turns the scores into probabilities. */
  get head(): Head {
    return this.source.head;
  }

  /** What the head is and how that is known, in a sentence. */
  get headSays(): string {
    return this.source.says;
  }

  /** How grey levels of 0 to 255 become its input: as the card says, else as they are for whole pixels, else as for ImageNet. */
  get normalisation(): Normalisation {
    return this.card?.input ?? (isFloat(this.source.imageType) ? imageNetNormalisation : pixelsAsTheyAre);
  }

  /** Names of the classes whose probability reaches their threshold: that of the card, 0.5 where it has none. */
  classesPresent(probabilities: ArrayLike<number>): string[] {
    const thresholds = this.card?.thresholds ?? [usualThreshold];
    return this.classNames.filter(
      (_, index) => (probabilities[index] ?? 0) >= (thresholds[index] ?? thresholds[0] ?? usualThreshold),
    );
  }

  /**
   * Classifies images, each [channels, height, width], in batches that fit the memory.
   * @throws UserError "inference.input-size", ImageError "image.not-finite", ModelError when the model cannot run
   */
  async predict(images: readonly Float32Array[]): Promise<Prediction[]> {
    const rows = await this.session.logits(images);
    return rows.map((logits) => {
      const probabilities =
        this.head === "sigmoid" || this.head === "multi-label" ? logits.map(sigmoid) : softmax(logits);
      const classIndex = logits.indexOf(Math.max(...logits));
      return {
        classIndex,
        className: this.classNames[classIndex] ?? String(classIndex),
        probability: probabilities[classIndex] ?? NaN,
        logits,
        probabilities,
        ...(this.head === "multi-label" ? { present: this.classesPresent(probabilities) } : {}),
      };
    });
  }

  /** F and dF/dx of a target; "guided" and "deconvnet" take those rules for every ReLU. */
  gradient(target: Target, rule: GradientRequest["rule"] = "true"): GradientFunction {
    return this.session.gradientFunction(target, rule);
  }

  /** F at the points of a chain, and the mean of dF/dx along each segment between neighbours. */
  segmentGradient(target: Target): SegmentGradientFunction {
    return this.session.segmentGradientFunction(target);
  }

  /** F, a feature map, and dF/d(feature map): of the layer named, else of `featureLayer`. */
  layerGradient(target: Target, layer?: string): LayerGradientFunction {
    const chosen = layer === undefined ? this.layer : featureLayerOf(this.source, layer);
    return this.session.layerGradientFunction(target, chosen ?? featureLayerOf(this.source));
  }

  /** Frees sessions and their memory. */
  close(): Promise<void> {
    return this.session.close();
  }
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

function softmax(logits: Float32Array): Float32Array {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return Float32Array.from(powers, (power) => power / total);
}
