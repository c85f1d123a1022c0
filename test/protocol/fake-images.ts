import { ImageError } from "../../lib/contract/errors";
import type { ModelCardInput } from "../../lib/contract/model-card";
import { modelCard } from "../../lib/contract/model-card";
import { sha256Of } from "../../lib/contract/digests";
import type { OpenImageWork } from "../../lib/protocol/shard/image-work";

export const modelBytes = Buffer.from("a model");
export const card = modelCard.parse({
  schemaVersion: 1,
  name: "fake",
  title: "Fake",
  sha256: sha256Of(modelBytes),
  classes: ["low", "high"],
  input: { height: 2, width: 2 },
  data: { description: "none" },
} satisfies ModelCardInput);

/** The class that an image's bytes are given: a function of them alone, so that a wrong result shows. */
export const classOf = (bytes: Uint8Array): number => Buffer.from(bytes).reduce((sum, byte) => sum + byte, 0) % 2;
/** Contents beginning so cannot be decoded. */
export const isBad = (bytes: Uint8Array): boolean => Buffer.from(bytes).toString().startsWith("bad");

export interface FakeImagesOptions {
  /** Called before each image is prepared and analysed. */
  readonly before?: (stage: "prepare" | "analyse" | "encode", text: string) => Promise<void> | void;
}

/** A worker's stages without a decoder or a network. */
export const fakeImages =
  ({ before }: FakeImagesOptions = {}): OpenImageWork =>
  async () => ({
    provider: "cpu",
    prepare: async (bytes) => {
      const text = Buffer.from(bytes).toString();
      await before?.("prepare", text);
      if (isBad(bytes))
        throw new ImageError("image.truncated", `Expected a whole image but received ${JSON.stringify(text)}`);
      return text;
    },
    analyse: async (prepared) => {
      await before?.("analyse", prepared as string);
      return prepared;
    },
    encode: async (analysed) => {
      const text = analysed as string;
      await before?.("encode", text);
      const classIndex = classOf(Buffer.from(text));
      const target = { classIndex, className: card.classes[classIndex]!, of: "logit" as const };
      return {
        image: { sha256: sha256Of(text), width: 2, height: 2, format: "png" },
        seen: { left: 0, top: 0, width: 2, height: 2 },
        prediction: {
          classIndex,
          className: target.className,
          probability: 0.75,
          logits: [0, 1],
          probabilities: [0.25, 0.75],
        },
        explanations: [
          {
            method: "grad-cam",
            parameters: { name: "grad-cam" },
            target,
            completeness: { delta: null, relative: null, mapChange: null, passes: 1, converged: null },
            heatmap: Buffer.from(`heatmap of ${text}`),
            overlay: Buffer.from(`overlay of ${text}`),
            map: Buffer.from(`map of ${text}`),
          },
        ],
        thumbnail: Buffer.from(`thumbnail of ${text}`),
        warnings: [],
      };
    },
    close: () => Promise.resolve(),
  });
