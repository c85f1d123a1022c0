import { canonicalJson, sha256Of } from "../contract/digests";
import type { ModelCard } from "../contract/model-card";
import { WireWriter } from "../onnx/wire";
import type { PublishableModel } from "../bucket/publish-model";

const metadataField = 14;
const metadataKey = "cytolens.card";

/**
 * The model with its card among its metadata. Work is named by the model's digest: with another normalisation or other class
 * names it is other work, and needs another digest. An entry is appended, which protocol buffers allow; the rest stays as it is.
 */
export function withCardInside({ bytes, card }: PublishableModel): PublishableModel {
  const { sha256, ...described } = card;
  const entry = new WireWriter();
  entry.string(1, metadataKey);
  entry.string(2, canonicalJson(described));
  const writer = new WireWriter();
  writer.message(metadataField, entry);
  const together = Buffer.concat([bytes, writer.finish()]);
  const inside: ModelCard = {
    ...card,
    sha256: sha256Of(together),
    source: card.source ?? { file: `${card.name}.onnx`, sha256 },
  };
  return { bytes: together, card: inside };
}
