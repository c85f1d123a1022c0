import { UserError } from "../contract/errors";
import { Adam } from "./adam";
import type { Optimizer } from "./optimizer";
import { Sgd } from "./sgd";

export const optimizerNames = ["adam", "sgd"] as const;
export type OptimizerName = (typeof optimizerNames)[number];

export function optimizerNamed(
  name: OptimizerName,
  { momentum = 0.9, weightDecay = 0 }: { momentum?: number; weightDecay?: number } = {},
): Optimizer {
  if (!(weightDecay >= 0))
    throw new UserError("training.weight-decay", `Expected a weight decay of 0 or more but received ${weightDecay}`);
  return name === "adam" ? new Adam({ weightDecay }) : new Sgd(momentum, weightDecay);
}
