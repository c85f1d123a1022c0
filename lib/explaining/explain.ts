import type { Attribution, ImageDims } from "../attribution/attribution";
import type { Target } from "../attribution/gradient-function";
import { classIndexOf } from "../contract/class-index";
import { UserError } from "../contract/errors";
import { completeMethod, type CompleteMethod, type MethodChoice } from "../contract/methods";
import { imageNetNormalisation, type Normalisation } from "../contract/normalisation";
import type { Classifier } from "../inference/classifier";
import { applyMethod, targetOf } from "./apply-method";

/**
 * The class to explain: its index, its name, or an object that says besides whether the logit (the default) or the probability is
 * explained; without a class it is the predicted one.
 *
 * @example
 * ```ts
 * import type { TargetChoice } from "cytolens";
 *
 * const choices: TargetChoice[] = [2, "busy", { classIndex: 2, of: "probability" }, { of: "probability" }];
 * ```
 */
export type TargetChoice = number | string | Partial<Target>;

/**
 * How `explain` explains.
 *
 * @example
 * ```ts
 * import type { ExplainOptions } from "cytolens";
 *
 * const options: ExplainOptions = { method: { name: "integrated-gradients", steps: 32, baseline: "black" }, target: 0 };
 * ```
 */
export interface ExplainOptions {
  /** A method's name, or an object with its name and what of its parameters is not to be the default. */
  readonly method: MethodChoice;
  /** Default: the logit of the predicted class. */
  readonly target?: TargetChoice | undefined;
}

/**
 * An attribution, and what it is of.
 *
 * @example
 * ```ts
 * import type { ImageExplanation } from "cytolens";
 *
 * const title = ({ method, target }: ImageExplanation): string => `${method.name} of ${target.of} ${target.className}`;
 * ```
 */
export interface ImageExplanation extends Attribution {
  /** With every parameter. */
  readonly method: CompleteMethod;
  readonly target: Target & { readonly className: string };
}

/** What is explained: `imageFor` returns it. */
interface ExplainedImage {
  /** [channels, height, width] float32, normalised as the network expects. */
  readonly tensor: Float32Array;
  /** Default: the model's own. */
  readonly dims?: ImageDims | undefined;
  /** How `tensor` came from pixels of 0 to 255, for baselines. Default: as the model's card says, else ImageNet's. */
  readonly normalisation?: Normalisation | undefined;
}

type ExplainedModel = Pick<
  Classifier,
  "predict" | "gradient" | "segmentGradient" | "layerGradient" | "input" | "classNames" | "card"
> &
  Partial<Pick<Classifier, "normalisation">>;

/**
 * Explains one image by one method.
 *
 * @param model what `loadModel` returns
 * @param image what `imageFor` returns, or an object with a `tensor` [channels, height, width]
 * @returns a map [height, width] of the network's input; signed, but for Grad-CAM, in units of the target output where the method
 * has any; with what was explained, and how far it can be trusted (`completeness`). The study's integrated gradients
 * (`steps: "study"`) always explain the probability
 * @throws UserError "settings.invalid" for an unknown method or parameter, "settings.unknown-class", "attribution.image-shape" for an
 * image of another shape than the model's input, "attribution.baseline-equals-image"; ModelError when the model cannot be
 * differentiated, has no feature map for Grad-CAM, or answers with numbers that are not finite. Papers: at each method
 * @example
 * ```ts
 * import { explain, imageFor, loadModel } from "cytolens";
 *
 * const model = await loadModel("model.onnx", { classNames: ["calm", "busy", "odd"] });
 * const image = await imageFor(model, "cell.png");
 *
 * const cam = await explain(model, image, { method: "grad-cam" });
 * console.log(cam.target.className, cam.map.length === cam.height * cam.width);
 *
 * const method = { name: "integrated-gradients", steps: 16 } as const;
 * const busy = await explain(model, image, { method, target: "busy" });
 * console.log(busy.completeness.relative);
 * await model.close();
 * ```
 */
export async function explain(
  model: ExplainedModel,
  image: ExplainedImage,
  { method: choice, target: asked = {} }: ExplainOptions,
): Promise<ImageExplanation> {
  const method = completeMethod(choice);
  refuseOtherShape(model, image);
  const target = targetOf(method, await chosenTarget(model, image, asked));
  const normalisation = image.normalisation ?? model.normalisation ?? model.card?.input ?? imageNetNormalisation;
  const attribution = await applyMethod(model, method, target, image.tensor, normalisation);
  const className = model.classNames[target.classIndex] ?? String(target.classIndex);
  return { ...attribution, method, target: { ...target, className } };
}

async function chosenTarget(model: ExplainedModel, image: ExplainedImage, asked: TargetChoice): Promise<Target> {
  if (typeof asked !== "object") return { classIndex: classIndexOf(asked, model.classNames), of: "logit" };
  const { classIndex, of = "logit" } = asked;
  if (classIndex !== undefined) return { classIndex: classIndexOf(classIndex, model.classNames), of };
  const [prediction] = await model.predict([image.tensor]);
  return { classIndex: prediction?.classIndex ?? 0, of };
}

function refuseOtherShape({ input: { channels, height, width } }: ExplainedModel, image: ExplainedImage): void {
  const expected = [channels, height, width];
  const given = image.dims ?? expected;
  if (expected.every((extent, axis) => extent === given[axis]) && image.tensor.length === channels * height * width)
    return;
  throw new UserError(
    "attribution.image-shape",
    `Expected an image of [${expected.join(", ")}], the model's input, but received ${image.tensor.length} values${image.dims === undefined ? "" : ` as [${image.dims.join(", ")}]`}`,
  );
}
