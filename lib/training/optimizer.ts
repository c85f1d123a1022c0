import { UserError } from "../contract/errors";
import { Adam } from "./adam";
import { Sgd } from "./sgd";

/** Changes one tensor's weights in place. `slots` names the running values it keeps, each as large as the weights, first zero. */
export interface Optimizer {
  readonly slots: readonly string[];
  /** @param step 1 for the first update  @param decays whether weight decay applies to this tensor */
  update(weights: Float32Array, gradient: Float32Array, slots: Readonly<Record<string, Float32Array>>, step: number, rate: number, decays: boolean): void;
}

export const optimizerNames = ["adam", "sgd"] as const;
export type OptimizerName = (typeof optimizerNames)[number];

export function optimizerNamed(name: OptimizerName, { momentum = 0.9, weightDecay = 0 }: { momentum?: number; weightDecay?: number } = {}): Optimizer {
  if (!(weightDecay >= 0)) throw new UserError("training.weight-decay", `Expected a weight decay of 0 or more but received ${weightDecay}`);
  return name === "adam" ? new Adam({ weightDecay }) : new Sgd(momentum, weightDecay);
}
