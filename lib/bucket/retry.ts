import { TransientError } from "../contract/errors";
import type { Clock } from "./clock";

const firstPauseMilliseconds = 200;

/** Tries again after a TransientError, with doubling pauses; every other error passes through at once. */
export async function withRetries<T>(clock: Pick<Clock, "sleep">, action: () => Promise<T>, tries = 5): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof TransientError) || tried >= tries) throw error;
      await clock.sleep(firstPauseMilliseconds * 2 ** (tried - 1));
    }
  }
}
