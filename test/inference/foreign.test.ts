import { readFileSync } from "node:fs";
import path from "node:path";
import { loadModel } from "../../lib/inference/load-model";
import { readSafetensors } from "../../lib/networks/safetensors";
import { l2Relative, maxRelative, readJson } from "../fingerprint";
import { describeWithReference, referenceFolder } from "../reference";

interface ForeignModel {
  readonly float32_error: Record<string, { readonly suggested_max_rel: number; readonly suggested_l2_rel: number }>;
  readonly softmax_head: boolean;
}

const folderOf = (reference: string): string => path.join(reference, "oracle/foreign");
const names = referenceFolder
  ? Object.keys(readJson<Record<string, ForeignModel>>(path.join(folderOf(referenceFolder), "index.json")))
  : ["none"];

describeWithReference(
  "networks exported by others, loaded and differentiated with every pass, against the float64 oracle",
  (reference) => {
    it.each(names)("%s", async (name) => {
      const folder = folderOf(reference);
      const facts = readJson<Record<string, ForeignModel>>(path.join(folder, "index.json"))[name]!;
      const golden = readSafetensors(readFileSync(path.join(folder, name, "golden.safetensors")));
      const numbers = (key: string): Float32Array => golden.get(key)!.data as Float32Array;
      const classifier = await loadModel(path.join(folder, name, "model.onnx"), { cacheFolder: null });
      expect(classifier.head).toBe("softmax");
      expect(/is the Softmax of/.test(classifier.headSays)).toBe(facts.softmax_head);

      const input = numbers("input");
      const size = input.length / 2;
      const images = [input.slice(0, size), input.slice(size)];
      const predictions = await classifier.predict(images);
      expect(
        maxRelative(
          predictions.flatMap(({ logits }) => [...logits]),
          numbers("logits"),
        ),
      ).toBeLessThan(Math.max(1e-5, facts.float32_error["logits"]!.suggested_max_rel));

      const targets = Array.from(golden.get("target")!.data as BigInt64Array, Number);
      for (const [of, quantity] of [
        ["logit", "grad_logit"],
        ["probability", "grad_probability"],
      ] as const) {
        if (!golden.has(quantity)) continue;
        const gradients: Float32Array[] = [];
        for (const [index, image] of images.entries())
          gradients.push(...(await classifier.gradient({ classIndex: targets[index]!, of })([image])).gradients);
        const got = gradients.flatMap((gradient) => [...gradient]);
        const tolerance = facts.float32_error[quantity]!;
        expect({
          quantity,
          l2: l2Relative(got, numbers(quantity)) < Math.max(2e-5, tolerance.suggested_l2_rel),
        }).toEqual({ quantity, l2: true });
        expect({
          quantity,
          max: maxRelative(got, numbers(quantity)) < Math.max(2e-5, tolerance.suggested_max_rel),
        }).toEqual({ quantity, max: true });
      }
      await classifier.close();
    });
  },
);
