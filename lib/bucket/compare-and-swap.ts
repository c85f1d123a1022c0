import { TransientError } from "../contract/errors";
import type { ObjectStore } from "../storage/object-store";
import type { Clock } from "./clock";
import { mostTries, pauseAfter } from "./patience";

/** A bucket that others write to at the same time, and the time to wait for them. */
export interface SharedBucket {
  readonly store: ObjectStore;
  readonly clock: Pick<Clock, "sleepAtMost">;
}

/** The code of the error that says so. */
export const contended = "storage.contended";

/**
 * Reads, decides and writes anew until no one else wrote in between, with growing pauses.
 * Throws TransientError when others kept writing: nothing is wrong with anything, and a later try may succeed.
 * @param purpose completes "Expected to …"
 * @param attempt answers undefined when someone else was faster
 */
export async function compareAndSwap<T>(
  { clock }: Pick<SharedBucket, "clock">,
  purpose: string,
  attempt: () => Promise<{ readonly done: T } | undefined>,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    const swapped = await attempt();
    if (swapped) return swapped.done;
    if (tried >= mostTries)
      throw new TransientError(
        contended,
        `Expected to ${purpose} within ${mostTries} tries but others kept writing there`,
      );
    await clock.sleepAtMost(pauseAfter(tried));
  }
}
