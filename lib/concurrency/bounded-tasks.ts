/**
 * Runs tasks beside the caller, at most `limit` of them: who starts one more waits until one has ended. With a limit of 0
 * the caller waits for each. The first error is thrown at the next start and at the end; what fails after it is dropped.
 */
export class BoundedTasks {
  private readonly inFlight = new Set<Promise<void>>();
  private failed: { readonly error: unknown } | undefined;

  constructor(private readonly limit: number) {}

  async start(task: () => Promise<void>): Promise<void> {
    const running = task()
      .catch((error: unknown) => {
        this.failed ??= { error };
      })
      .then(() => {
        this.inFlight.delete(running);
      });
    this.inFlight.add(running);
    while (this.inFlight.size > this.limit) await Promise.race(this.inFlight);
    this.throwFailure();
  }

  /** Resolves when no task is in flight. */
  async finished(): Promise<void> {
    await Promise.all(this.inFlight);
    this.throwFailure();
  }

  private throwFailure(): void {
    if (this.failed) throw this.failed.error;
  }
}
