import { setTimeout } from "node:timers/promises";

/** Time as the protocol sees it; tests hand in one that they move themselves. */
export interface Clock {
  now(): Date;
  /** Waits. */
  sleep(milliseconds: number): Promise<void>;
  /** Waits between half of it and all of it, by chance: those who got into each other's way come back at different times. */
  sleepAtMost(milliseconds: number): Promise<void>;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (milliseconds) => setTimeout(milliseconds),
  sleepAtMost: (milliseconds) => setTimeout((milliseconds * (1 + Math.random())) / 2),
};
