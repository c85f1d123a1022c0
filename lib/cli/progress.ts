import type { SingleBar } from "cli-progress";

/** How far a batch has come: a bar on a terminal, a line now and then elsewhere. */
export class Progress {
  private done: number;
  private failed: number;
  private bar: SingleBar | undefined;
  private printedAt = 0;

  constructor(
    private readonly total: number,
    private readonly quiet: boolean,
    /** What was settled before. */
    before: { readonly done: number; readonly failed: number } = { done: 0, failed: 0 },
  ) {
    this.done = before.done;
    this.failed = before.failed;
  }

  async start(): Promise<void> {
    if (this.quiet || this.total === 0) return;
    if (!process.stderr.isTTY) return;
    const { SingleBar, Presets } = await import("cli-progress");
    this.bar = new SingleBar(
      {
        format: "{bar} {value}/{total} images, {failed} failed, {eta_formatted} left",
        clearOnComplete: true,
        hideCursor: true,
        stream: process.stderr,
      },
      Presets.rect,
    );
    this.bar.start(this.total, this.done, { failed: this.failed });
  }

  step(status: string): void {
    // A worker that was killed leaves images to its successor that were counted already.
    this.done = Math.min(this.done + 1, this.total);
    if (status === "failed") this.failed++;
    if (this.bar) this.bar.update(this.done, { failed: this.failed });
    else if (!this.quiet && this.isWorthALine())
      process.stderr.write(`${this.done} of ${this.total} images, ${this.failed} failed\n`);
  }

  end(): void {
    this.bar?.stop();
  }

  /** At each tenth, and not more often than every other second. */
  private isWorthALine(): boolean {
    const tenth = Math.max(1, Math.ceil(this.total / 10));
    const now = Date.now();
    if (this.done !== this.total && (this.done % tenth !== 0 || now - this.printedAt < 2000)) return false;
    this.printedAt = now;
    return true;
  }
}
