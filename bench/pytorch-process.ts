import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";

/** A Python script in a process of its own that computes only when asked: its rounds take turns with ours. A line in, a number out. */
export class PyTorchProcess {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  /** @param script the file's name in bench/ */
  constructor(python: string, script: string, threads: number) {
    this.child = spawn(python, [path.resolve(__dirname, "../../bench", script), String(threads)]);
    this.child.stderr.pipe(process.stderr);
    this.lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }

  async ask(order: string): Promise<number> {
    this.child.stdin.write(`${order}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error("PyTorch's process ended");
    return Number(value);
  }

  end(): void {
    this.child.stdin.end();
  }
}
