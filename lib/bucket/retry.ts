import { TransientError } from "../contract/errors";
import type { Clock } from "./clock";
import { contended } from "./compare-and-swap";
import { mostTries, pauseAfter } from "./patience";

/**
 * Tries again after a TransientError, with growing pauses; every other error passes through at once,
 * and so does one that says others kept writing: it comes after as many tries already.
 * @param action is told how often it was tried, itself included: 1, 2, …
 */
export async function withRetries<T>(
  clock: Pick<Clock, "sleepAtMost">,
  action: (tried: number) => Promise<T>,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await action(tried);
    } catch (error) {
      if (!(error instanceof TransientError) || error.code === contended || tried >= mostTries) throw error;
      await clock.sleepAtMost(pauseAfter(tried));
    }
  }
}
