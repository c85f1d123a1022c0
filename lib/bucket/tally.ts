import type { Outcome } from "../contract/outcome";
import type { Counts } from "../contract/summary";

/** Counts outcomes; planned = succeeded + failed + skipped by construction. */
export class Tally {
  private succeeded = 0;
  private failed = 0;
  private skipped = 0;
  readonly skippedBy: Record<string, number> = {};

  add(outcome: Outcome): void {
    this[outcome.status]++;
    if (outcome.status === "skipped") this.skippedBy[outcome.reason] = (this.skippedBy[outcome.reason] ?? 0) + 1;
  }

  get counts(): Counts {
    const { succeeded, failed, skipped } = this;
    return { planned: succeeded + failed + skipped, succeeded, failed, skipped };
  }
}
