import path from "node:path";

/** Public weights that this package carries without their heads, by network: each a folder with its licence and notice. */
const folders: ReadonlyMap<string, string> = new Map([["efficientnet-lite0", "efficientnet-lite0-imagenet"]]);

const models = path.join(__dirname, "..", "..", "..", "models");

/** The networks whose ImageNet weights are at hand. */
export const networksWithBackbone: readonly string[] = [...folders.keys()];

/** The file of a network's ImageNet weights; undefined where none are carried. */
export function backboneFile(network: string): string | undefined {
  const folder = folders.get(network);
  return folder === undefined ? undefined : path.join(models, folder, "weights.safetensors");
}
