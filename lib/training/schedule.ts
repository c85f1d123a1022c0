export const scheduleNames = ["constant", "cosine", "step"] as const;
type ScheduleName = (typeof scheduleNames)[number];

export interface Schedule {
  readonly name: ScheduleName;
  readonly rate: number;
  readonly totalSteps: number;
  /** Steps over which the rate rises linearly from nearly nothing. */
  readonly warmupSteps?: number;
  /** "step": the share of all steps after which the rate falls, and by what. Default: tenfold after each third. */
  readonly stepShare?: number;
  readonly stepFactor?: number;
}

/** The learning rate of an update, the first being 0. "cosine" ends at zero, as PyTorch's CosineAnnealingLR stepped after each batch. */
export function rateAt(schedule: Schedule, step: number): number {
  const { name, rate, totalSteps, warmupSteps = 0, stepShare = 1 / 3, stepFactor = 0.1 } = schedule;
  if (step < warmupSteps) return (rate * (step + 1)) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  switch (name) {
    case "constant":
      return rate;
    case "cosine":
      return (rate * (1 + Math.cos(Math.PI * progress))) / 2;
    case "step":
      return rate * stepFactor ** Math.floor(progress / stepShare + 1e-9);
  }
}
