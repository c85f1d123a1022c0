import type { Optimizer } from "./optimizer";

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Decoupled weight decay (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019). Default: 0. */
  readonly weightDecay?: number;
}

/** Adam (Kingma and Ba, 2015), bias corrected, with epsilon added outside the root. */
export class Adam implements Optimizer {
  readonly slots = ["first", "second"] as const;
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly epsilon: number;
  private readonly weightDecay: number;

  constructor({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: AdamOptions = {}) {
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
  }

  /** m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; w ← w − η m̂ / (√v̂ + ε) */
  update(
    weights: Float32Array,
    gradient: Float32Array,
    { first, second }: Readonly<Record<"first" | "second", Float32Array>>,
    step: number,
    rate: number,
    decays: boolean,
  ): void {
    const { beta1, beta2, epsilon } = this;
    const scale = rate / (1 - beta1 ** step),
      correction = Math.sqrt(1 - beta2 ** step),
      shrink = decays ? 1 - rate * this.weightDecay : 1;
    for (let index = 0; index < weights.length; index++) {
      const g = gradient[index] as number;
      const m = beta1 * (first[index] as number) + (1 - beta1) * g;
      const v = beta2 * (second[index] as number) + (1 - beta2) * g * g;
      first[index] = m;
      second[index] = v;
      weights[index] = shrink * (weights[index] as number) - (scale * m) / (Math.sqrt(v) / correction + epsilon);
    }
  }
}
