/** Changes one tensor's weights in place. `slots` names the running values it keeps, each as large as the weights, first zero. */
export interface Optimizer {
  readonly slots: readonly string[];
  /** @param step 1 for the first update  @param decays whether weight decay applies to this tensor */
  update(
    weights: Float32Array,
    gradient: Float32Array,
    slots: Readonly<Record<string, Float32Array>>,
    step: number,
    rate: number,
    decays: boolean,
  ): void;
}
