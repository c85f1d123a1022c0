import { readFileSync } from "node:fs";
import path from "node:path";
import { baselineImage } from "../../lib/attribution/baselines";
import { imageNetNormalisation } from "../../lib/contract/normalisation";
import { gradCam } from "../../lib/attribution/grad-cam";
import { gradient } from "../../lib/attribution/gradient";
import type { Target } from "../../lib/attribution/gradient-function";
import { guidedBackprop } from "../../lib/attribution/guided-backprop";
import { guidedGradCam } from "../../lib/attribution/guided-grad-cam";
import { inputTimesGradient } from "../../lib/attribution/input-x-gradient";
import { fixedIntegratedGradients } from "../../lib/attribution/fixed-integrated-gradients";
import { defaultTolerance, integratedGradients } from "../../lib/attribution/integrated-gradients";
import type { Classifier } from "../../lib/inference/classifier";
import { loadModel } from "../../lib/inference/load-model";
import { networkNamed } from "../../lib/networks/catalogue";
import { readSafetensors } from "../../lib/networks/safetensors";
import { writeModel } from "../../lib/onnx/write-model";
import { float32Tensor } from "../../lib/onnx/tensor";
import { deviation, l2Relative, maxRelative, readJson, type Fingerprint } from "../fingerprint";
import { weightsByName } from "../networks/name-rule";
import { describeWithReference } from "../reference";

interface Quantity {
  readonly float32_error: { readonly suggested_max_rel: number; readonly suggested_l2_rel: number };
  readonly fingerprint: Fingerprint;
}
interface Goldens {
  readonly images: Record<string, { readonly target_class: number; readonly quantities: Record<string, Quantity> }>;
}

type Golden = ReturnType<typeof readSafetensors>;

async function open(name: string, size: number): Promise<Classifier> {
  const network = networkNamed(name, { classes: 5, size });
  return await loadModel(writeModel(network.build(weightsByName(network))), {
    cacheFolder: null,
    featureLayer: network.featureLayer,
  });
}

/** Every method by the name the oracle gives its map. */
function methods(
  classifier: Classifier,
  image: Float32Array,
  classIndex: number,
): Record<string, () => Promise<Float32Array>> {
  const { channels, height, width } = classifier.input;
  const dims = [channels, height, width] as const;
  const [logit, probability]: Target[] = [
    { classIndex, of: "logit" },
    { classIndex, of: "probability" },
  ];
  const black = baselineImage("black", image, dims, imageNetNormalisation);
  return {
    grad_logit: async () => (await gradient(classifier.gradient(logit!), image, dims)).perChannel!,
    grad_probability: async () => (await gradient(classifier.gradient(probability!), image, dims)).perChannel!,
    input_x_gradient: async () => (await inputTimesGradient(classifier.gradient(logit!), image, dims)).perChannel!,
    gradcam_signed: async () => (await gradCam(classifier.layerGradient(logit!), image, dims)).signed.map,
    gradcam: async () =>
      (await gradCam(classifier.layerGradient(logit!), image, dims)).signed.map.map((value) => Math.max(0, value)),
    guided_backprop: async () => (await guidedBackprop(classifier.gradient(logit!, "guided"), image, dims)).perChannel!,
    guided_gradcam: async () =>
      (await guidedGradCam(classifier.gradient(logit!, "guided"), classifier.layerGradient(logit!), image, dims))
        .perChannel!,
    ig_32: async () =>
      (await fixedIntegratedGradients(classifier.gradient(logit!), image, black, dims, 32)).perChannel!,
  };
}

/** When the adaptive rule says that it converged, its map is as near the converged one as it promises, or as the oracle's own still moves. */
async function closeToConverged(
  classifier: Classifier,
  images: Golden,
  place: string,
  classIndex: number,
): Promise<void> {
  const image = images.get("herlev")!.data as Float32Array;
  const { channels, height, width } = classifier.input;
  const dims = [channels, height, width] as const;
  const converged = readSafetensors(readFileSync(path.join(place, "ig-converged.safetensors"))).get(
    "herlev.ig_converged",
  )!.data as Float32Array;
  const { perChannel, completeness } = await integratedGradients(
    classifier.segmentGradient({ classIndex, of: "logit" }),
    image,
    baselineImage("black", image, dims, imageNetNormalisation),
    dims,
  );
  expect({ place: path.basename(place), converged: completeness.converged }).toEqual({
    place: path.basename(place),
    converged: true,
  });
  expect(completeness.relative).toBeLessThan(defaultTolerance.relative);
  expect(l2Relative(perChannel!, converged)).toBeLessThan(defaultTolerance.map);
}

describeWithReference("explanations of the four networks against the oracle", (folder) => {
  const oracle = path.join(folder, "oracle");

  async function compare(name: string, size: number, kind: "mini" | "seed", images: Golden): Promise<void> {
    const place = path.join(oracle, kind, name);
    const { images: facts } = readJson<Goldens>(path.join(place, "goldens.json"));
    const goldens = readSafetensors(readFileSync(path.join(place, "goldens.safetensors")));
    const classifier = await open(name, size);
    for (const label of ["herlev", "cric"]) {
      const { target_class: classIndex, quantities } = facts[label]!;
      const image = images.get(label)!.data as Float32Array;
      const [prediction] = await classifier.predict([image]);
      expect(prediction!.classIndex).toBe(classIndex);
      expect(maxRelative(prediction!.logits, quantities["logits"]!.fingerprint.samples)).toBeLessThan(
        quantities["logits"]!.float32_error.suggested_max_rel,
      );
      for (const [quantity, compute] of Object.entries(methods(classifier, image, classIndex))) {
        // At full size the oracle keeps of the second image the complete maps of Grad-CAM alone.
        if (kind === "seed" && !goldens.has(`${label}.${quantity}`) && label === "cric") continue;
        const { float32_error: limits, fingerprint } = quantities[quantity]!;
        const map = await compute();
        const golden = goldens.get(`${label}.${quantity}`)?.data as Float32Array | undefined;
        const close = golden
          ? maxRelative(map, golden) < limits.suggested_max_rel && l2Relative(map, golden) < limits.suggested_l2_rel
          : deviation(float32Tensor(map, fingerprint.shape), fingerprint) < limits.suggested_max_rel;
        expect({ name, label, quantity, close }).toEqual({ name, label, quantity, close: true });
      }
    }
    await closeToConverged(classifier, images, place, facts["herlev"]!.target_class);
    await classifier.close();
  }

  const names = ["resnet50", "densenet121", "densenet121-rca", "ran92"];
  const small = readSafetensors(readFileSync(path.join(oracle, "mini/inputs-64.safetensors")));
  const large = readSafetensors(readFileSync(path.join(oracle, "seed/inputs-224.safetensors")));
  test.each(names)("%s-mini", (name) => compare(`${name}-mini`, 64, "mini", small), 300_000);
  test.each(names)("%s at full size", (name) => compare(name, 224, "seed", large), 900_000);

  test("the gradients of a batch are those of its images alone", async () => {
    const classifier = await open("densenet121-rca-mini", 64);
    const images = ["herlev", "cric", "herlev_flat"].map((label) => small.get(label)!.data as Float32Array);
    const evaluate = classifier.gradient({ classIndex: 1, of: "logit" });
    const together = await evaluate(images);
    for (const [index, image] of images.entries()) {
      const alone = await evaluate([image]);
      expect(together.values[index]).toBeCloseTo(alone.values[0]!, 5);
      expect(l2Relative(together.gradients[index]!, alone.gradients[0]!)).toBeLessThan(1e-5);
    }
    await classifier.close();
  });
});
