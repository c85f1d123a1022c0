import { readFileSync } from "node:fs";
import path from "node:path";
import { gradCam } from "../../lib/attribution/grad-cam";
import { loadModel } from "../../lib/inference/load-model";
import { networkNamed } from "../../lib/networks/catalogue";
import { readSafetensors } from "../../lib/networks/safetensors";
import { writeModel } from "../../lib/onnx/write-model";
import { l2Relative, maxRelative } from "../fingerprint";
import { weightsByName } from "../networks/name-rule";
import { describeWithReference } from "../reference";

const patience = 300_000;

/** At full size a unit at a kink may fall on the other side: gradients get the oracle's own wide tolerance, Grad-CAM a sharp one. */
describeWithReference("the four networks at full size, with every pass, against the float64 oracle", (reference) => {
  it.each(["resnet50", "ran92", "densenet121", "densenet121-rca"])(
    "%s",
    async (name) => {
      const folder = path.join(reference, "oracle/seed");
      const golden = readSafetensors(readFileSync(path.join(folder, name, "goldens.safetensors")));
      const numbers = (quantity: string): Float32Array => golden.get(`herlev.${quantity}`)!.data as Float32Array;
      const image = readSafetensors(readFileSync(path.join(folder, "inputs-224.safetensors"))).get("herlev")!
        .data as Float32Array;
      const network = networkNamed(name, { classes: 5, size: 224 });
      const classifier = await loadModel(writeModel(network.build(weightsByName(network))), {
        cacheFolder: null,
        featureLayer: network.featureLayer,
      });

      const [prediction] = await classifier.predict([image]);
      expect(maxRelative(prediction!.logits, numbers("logits"))).toBeLessThan(1e-5);
      const target = { classIndex: prediction!.classIndex, of: "logit" } as const;
      const {
        gradients: [gradient],
      } = await classifier.gradient(target)([image]);
      expect(l2Relative(gradient!, numbers("grad_logit"))).toBeLessThan(0.03);
      expect(maxRelative(gradient!, numbers("grad_logit"))).toBeLessThan(0.3);
      const { signed } = await gradCam(classifier.layerGradient(target), image, [3, 224, 224]);
      expect(maxRelative(signed.map, numbers("gradcam_signed"))).toBeLessThan(1e-5);
      await classifier.close();
    },
    patience,
  );
});
