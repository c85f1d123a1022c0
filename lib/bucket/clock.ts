import { setTimeout } from "node:timers/promises";

/** Time as the protocol sees it; tests hand in one that they move themselves. */
export interface Clock {
  now(): Date;
  /** Waits, between two tries. */
  sleep(milliseconds: number): Promise<void>;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (milliseconds) => setTimeout(milliseconds),
};
