import type { ModelCardInput } from "../contract/model-card";
import type { NetworkDefinition } from "./network";

/** What a network's card says of how its input is made of pixels. */
export function cardInputOf({
  normalisation: { scale, mean, std },
}: Pick<NetworkDefinition, "normalisation">): Pick<ModelCardInput["input"], "scale" | "mean" | "std"> {
  return { scale, mean: [...mean], std: [...std] };
}
