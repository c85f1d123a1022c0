import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";

export interface CaptumRequest {
  readonly network: string;
  /** Memory layout and images at once: "contiguous-8", "channels_last-all". */
  readonly variant: string;
  readonly image: Float32Array;
  readonly baseline: Float32Array;
  readonly target: number;
  readonly cpuTime: boolean;
  readonly scratch: string;
  /** Default: Captum's own, 50. */
  readonly steps?: number;
}

export interface CaptumAnswer {
  readonly map: Float32Array;
  readonly seconds: number;
  readonly logit: number;
  readonly steps: number;
}

/** Captum in a process of its own that computes only when asked, so that its rounds lie between ours. */
export class Captum {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  constructor(python: string, threads: number) {
    this.child = spawn(python, [path.resolve(__dirname, "../../bench/captum_explain.py"), String(threads)]);
    this.child.stderr.pipe(process.stderr);
    this.lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }

  async explain({
    network,
    variant,
    image,
    baseline,
    target,
    cpuTime,
    scratch,
    steps = 50,
  }: CaptumRequest): Promise<CaptumAnswer> {
    const [layout, atOnce] = variant.split("-");
    const [imageFile, baselineFile, mapFile] = ["image", "baseline", "map"].map((name) =>
      path.join(scratch, `captum-${name}.f32`),
    ) as [string, string, string];
    writeFileSync(imageFile, new Uint8Array(image.buffer, image.byteOffset, image.byteLength));
    writeFileSync(baselineFile, new Uint8Array(baseline.buffer, baseline.byteOffset, baseline.byteLength));
    const order = {
      network,
      layout,
      at_once: atOnce === "all" ? null : Number(atOnce),
      image: imageFile,
      baseline: baselineFile,
      map: mapFile,
      target,
      steps,
      clock: cpuTime ? "cpu" : "wall",
    };
    this.child.stdin.write(`${JSON.stringify(order)}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error("Captum's process ended");
    const { seconds, logit } = JSON.parse(value) as { seconds: number; logit: number };
    return { map: new Float32Array(Uint8Array.from(readFileSync(mapFile)).buffer), seconds, logit, steps };
  }

  end(): void {
    this.child.stdin.end();
  }
}
