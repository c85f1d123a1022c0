import type { BatchName } from "../contract/names";
import type { Hints } from "../protocol/ports";

/** The laptop's delayed messages: a timer for each, gone with the process. The reconciler finds what was lost. */
export class TimerHints implements Hints {
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(private readonly receive: (batch: BatchName) => void) {}

  tick(batch: BatchName, delaySeconds: number): Promise<void> {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.receive(batch);
    }, delaySeconds * 1000);
    this.timers.add(timer);
    return Promise.resolve();
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }
}
