import type { Attribution } from "../attribution/attribution";
import { baselineImage } from "../attribution/baselines";
import type { Normalisation } from "../contract/normalisation";
import { gradCam } from "../attribution/grad-cam";
import { gradient } from "../attribution/gradient";
import type { Target } from "../attribution/gradient-function";
import { guidedBackprop } from "../attribution/guided-backprop";
import { guidedGradCam } from "../attribution/guided-grad-cam";
import { inputTimesGradient } from "../attribution/input-x-gradient";
import { fixedIntegratedGradients } from "../attribution/fixed-integrated-gradients";
import { integratedGradients } from "../attribution/integrated-gradients";
import type { NormalisedImage } from "../attribution/network-image";
import { studyIntegratedGradients } from "../attribution/study-integrated-gradients";
import type { CompleteMethod } from "../contract/methods";
import type { Classifier } from "../inference/classifier";

/** What a method is asked to explain: the study's integrated gradients always take the probability. */
export const targetOf = (method: CompleteMethod, target: Target): Target =>
  method.name === "integrated-gradients" && method.steps === "study" ? { ...target, of: "probability" } : target;

/**
 * One method on one image.
 * @param image [channels, height, width], normalised as the network expects
 */
export async function applyMethod(
  classifier: Pick<Classifier, "gradient" | "segmentGradient" | "layerGradient" | "input">,
  method: CompleteMethod,
  asked: Target,
  image: Float32Array,
  normalisation: Normalisation,
): Promise<Attribution> {
  const { channels, height, width } = classifier.input;
  const input: NormalisedImage = { tensor: image, dims: [channels, height, width], normalisation };
  const target = targetOf(method, asked);
  switch (method.name) {
    case "gradient":
      return gradient(classifier.gradient(target), input);
    case "input-x-gradient":
      return inputTimesGradient(classifier.gradient(target), input);
    case "grad-cam":
      return gradCam(classifier.layerGradient(target, method.layer), input);
    case "guided-backprop":
      return guidedBackprop(classifier.gradient(target, "guided"), input);
    case "guided-grad-cam":
      return guidedGradCam(
        classifier.gradient(target, "guided"),
        classifier.layerGradient(target, method.layer),
        input,
      );
    case "integrated-gradients": {
      const { steps, seed, baseline: name } = method;
      if (steps === "study") return studyIntegratedGradients(classifier.gradient(target), input, { seed });
      const baseline = baselineImage(name, input, { seed });
      if (steps === "adaptive") return integratedGradients(classifier.segmentGradient(target), input, baseline);
      return fixedIntegratedGradients(classifier.gradient(target), input, baseline, steps);
    }
  }
}
