/**
 * What a worker's process ends with. AWS Batch, and the laptop's queue, try `killedForMemory` and reclaimed machines again
 * and nothing else: what failed here would fail there.
 */
export const workerExitCodes = {
  finished: 0,
  unexpected: 1,
  usage: 2,
  /** Nothing can be computed here, or with this model. */
  surroundings: 3,
  /** It may pass: another dispatch tries. */
  tryLater: 75,
  /** Done but for images that killed workers. */
  quarantined: 76,
  /** The kernel's doing, not the worker's own: 128 + SIGKILL. */
  killedForMemory: 137,
  /** Told to stop: 128 + SIGTERM. */
  interrupted: 143,
} as const;
