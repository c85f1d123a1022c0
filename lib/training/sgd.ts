import type { Optimizer } from "./optimizer";

/** Stochastic gradient descent with heavy-ball momentum: u ← μ u + g (+ λ w); w ← w − η u. Momentum 0 is plain descent. */
export class Sgd implements Optimizer {
  readonly slots = ["velocity"] as const;

  constructor(
    private readonly momentum = 0,
    private readonly weightDecay = 0,
  ) {}

  update(
    weights: Float32Array,
    gradient: Float32Array,
    { velocity }: Readonly<Record<"velocity", Float32Array>>,
    _step: number,
    rate: number,
    decays: boolean,
  ): void {
    const decay = decays ? this.weightDecay : 0;
    for (let index = 0; index < weights.length; index++) {
      const weight = weights[index] as number;
      const u = this.momentum * (velocity[index] as number) + (gradient[index] as number) + decay * weight;
      velocity[index] = u;
      weights[index] = weight - rate * u;
    }
  }
}
