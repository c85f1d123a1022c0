import { readFile } from "node:fs/promises";
import path from "node:path";
import { fromFloat16Bits } from "../onnx/scalar";
import { float32Tensor } from "../onnx/tensor";
import type { Tensor } from "../onnx/model";
import { readSafetensors } from "./safetensors";

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

/** The tensors of a .safetensors file; what is of half precision in float32. */
export async function readFloat32Weights(file: string): Promise<Map<string, Tensor>> {
  const tensors = readSafetensors(await readFile(file));
  for (const [name, tensor] of tensors)
    if (tensor.dataType === "float16" && tensor.data instanceof Uint16Array)
      tensors.set(name, float32Tensor(widened(tensor.data), tensor.dims));
  return tensors;
}

function widened(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (let index = 0; index < bits.length; index++) values[index] = fromFloat16Bits(bits[index] as number);
  return values;
}
