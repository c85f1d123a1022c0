import type { Attribution, ImageDims } from "../attribution/attribution";
import { baselineImage } from "../attribution/baselines";
import type { Normalisation } from "../contract/normalisation";
import { gradCam } from "../attribution/grad-cam";
import { gradient } from "../attribution/gradient";
import type { Target } from "../attribution/gradient-function";
import { guidedBackprop } from "../attribution/guided-backprop";
import { guidedGradCam } from "../attribution/guided-grad-cam";
import { inputTimesGradient } from "../attribution/input-x-gradient";
import { fixedIntegratedGradients, integratedGradients } from "../attribution/integrated-gradients";
import { studyIntegratedGradients } from "../attribution/study-integrated-gradients";
import type { MethodSettings } from "../contract/methods";
import type { Classifier } from "../inference/classifier";

export type Explainer = Pick<Classifier, "gradient" | "segmentGradient" | "layerGradient" | "input">;

/** What a method is asked to explain: the study's integrated gradients always take the probability. */
export const targetOf = (method: MethodSettings, target: Target): Target =>
  method.name === "integrated-gradients" && method.steps === "study" ? { ...target, of: "probability" } : target;

/**
 * One method on one image.
 * @param image [channels, height, width], normalised as the network expects
 */
export function explain(
  classifier: Explainer,
  method: MethodSettings,
  asked: Target,
  image: Float32Array,
  normalisation: Normalisation,
): Promise<Attribution> {
  const { channels, height, width } = classifier.input;
  const dims: ImageDims = [channels, height, width];
  const target = targetOf(method, asked);
  switch (method.name) {
    case "gradient":
      return gradient(classifier.gradient(target), image, dims);
    case "input-x-gradient":
      return inputTimesGradient(classifier.gradient(target), image, dims);
    case "grad-cam":
      return gradCam(classifier.layerGradient(target, method.layer), image, dims);
    case "guided-backprop":
      return guidedBackprop(classifier.gradient(target, "guided"), image, dims);
    case "guided-grad-cam":
      return guidedGradCam(
        classifier.gradient(target, "guided"),
        classifier.layerGradient(target, method.layer),
        image,
        dims,
      );
    case "integrated-gradients": {
      const { steps, seed, baseline: name } = method;
      if (steps === "study")
        return studyIntegratedGradients(classifier.gradient(target), image, dims, normalisation, { seed });
      const baseline = baselineImage(name, image, dims, normalisation, { seed });
      if (steps === "adaptive") return integratedGradients(classifier.segmentGradient(target), image, baseline, dims);
      return fixedIntegratedGradients(classifier.gradient(target), image, baseline, dims, steps);
    }
  }
}
