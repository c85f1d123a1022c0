import { statfs } from "node:fs/promises";
import os from "node:os";
import type { Command } from "commander";
import { exitCodes } from "./exit-codes";

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
}

const leastNode = 20;
const leastMemoryBytes = 3 * 2 ** 30;
const leastDiskBytes = 2 ** 30;

/** `cytolens doctor`: what this machine has of what is needed; exit code 3 when something is missing. */
export function defineDoctor(command: Command): void {
  command.option("--json", "print the findings as JSON").action(async ({ json }: { json?: boolean }) => {
    const findings = await examine();
    process.stdout.write(
      json
        ? `${JSON.stringify(findings, null, 2)}\n`
        : `${findings.map(({ ok, what, found }) => `${ok ? "ok  " : "FAIL"}  ${what}: ${found}`).join("\n")}\n`,
    );
    process.exitCode = findings.every(({ ok }) => ok) ? exitCodes.done : exitCodes.surroundings;
  });
}

async function examine(): Promise<Finding[]> {
  return [
    {
      what: `Node.js ${leastNode} or newer`,
      ok: Number(process.versions.node.split(".")[0]) >= leastNode,
      found: process.versions.node,
    },
    {
      what: "Memory for one worker",
      ok: os.totalmem() >= leastMemoryBytes,
      found: `${(os.totalmem() / 2 ** 30).toFixed(1)} GiB, ${os.availableParallelism()} cores`,
    },
    await disk(),
    await tried("Images are decoded in a process of their own", decodeOne),
    await tried("The default model computes here", predictOne),
  ];
}

async function disk(): Promise<Finding> {
  const { bavail, bsize } = await statfs(process.cwd());
  const free = bavail * bsize;
  return { what: "Room on this disk", ok: free >= leastDiskBytes, found: `${(free / 2 ** 30).toFixed(1)} GiB free` };
}

async function tried(what: string, action: () => Promise<string>): Promise<Finding> {
  try {
    return { what, ok: true, found: await action() };
  } catch (error) {
    return { what, ok: false, found: error instanceof Error ? error.message : String(error) };
  }
}

/** A PNG of one red pixel. */
const onePixel = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC",
  "base64",
);

async function decodeOne(): Promise<string> {
  const { Decoder } = await import("../imaging/preparing/decoder.js");
  const decoder = new Decoder();
  try {
    const { width, height, format } = await decoder.decode(onePixel);
    return `a ${format} of ${width} × ${height} pixel`;
  } finally {
    await decoder.close();
  }
}

async function predictOne(): Promise<string> {
  const [{ shippedModel }, { loadModel }] = await Promise.all([
    import("../local/find-model.js"),
    import("../inference/load-model.js"),
  ]);
  const classifier = await loadModel(shippedModel);
  try {
    const { channels, height, width } = classifier.input;
    await classifier.predict([new Float32Array(channels * height * width)]);
    return `${classifier.card?.title ?? "a model"}, ${classifier.classNames.length} classes, on ${classifier.provider}`;
  } finally {
    await classifier.close();
  }
}
