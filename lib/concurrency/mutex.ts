const settled = (): void => undefined;

/** Lets one action run at a time, in the order in which they were asked for. */
export class Mutex {
  // Holds no result: what an action answered may be large, and the next may be long in coming.
  private last: Promise<void> = Promise.resolve();

  /** Answers what the action does, its error included; an error keeps no later action from its turn. */
  runExclusive<Result>(action: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(action);
    this.last = result.then(settled, settled);
    return result;
  }

  /** Resolves when all that was asked for until now has ended, well or not. */
  waitForUnlock(): Promise<void> {
    return this.last;
  }
}
