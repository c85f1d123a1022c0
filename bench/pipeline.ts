import { spawn, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { link } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Decoder } from "../lib/imaging/preparing/decoder";
import { loadModel } from "../lib/inference/load-model";
import { shippedModel } from "../lib/local/find-model";
import { applyMethod } from "../lib/explaining/apply-method";
import { defaultSettings } from "../lib/contract/settings";
import { writePhantoms } from "../lib/phantom/write-phantoms";

/**
 * npm run bench: the whole local pipeline (decode, classify, explain, draw, store, collect) against a bare loop of the same network
 * passes over tensors that are decoded already, with one process and every core each; its peak memory at two sizes; the start of --help.
 */
const root = path.resolve(__dirname, "..", "..");
const command = path.join(root, "dist/bin/cytolens.js");
const [few, many] = process.argv.includes("--quick") ? [20, 60] : [100, 2000];
const compared = process.argv.includes("--quick") ? 20 : 60;
const scratch = mkdtempSync(path.join(os.tmpdir(), "cytolens-bench-"));

interface Measured {
  readonly seconds: number;
  readonly peakMegabytes: number;
}

/** Runs `cytolens run` with one worker that may use every core; the peak is that of the largest process, read from the system. */
async function pipeline(images: string, out: string, methods: string): Promise<Measured> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [command, "run", images, "--out", out, "--workers", "1", "--methods", methods],
    {
      stdio: "ignore",
      env: { ...process.env, CYTOLENS_CACHE: path.join(scratch, "cache") },
    },
  );
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, ...descendants(child.pid ?? 0).map(peakOf));
  }, 200);
  const code = await new Promise((resolve) => {
    child.on("close", resolve);
  });
  clearInterval(timer);
  if (code !== 0) throw new Error(`Expected the run to succeed but it ended with ${String(code)}`);
  return { seconds: (performance.now() - began) / 1000, peakMegabytes: peak };
}

function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .trim()
      .split(" ")
      .filter(Boolean)
      .map(Number);
    return [pid, ...children.flatMap(descendants)];
  } catch {
    return [];
  }
}

function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Copies of a few phantoms under many names: the pipeline cannot tell. */
async function folderOf(count: number, sources: readonly string[]): Promise<string> {
  const folder = path.join(scratch, `images-${count}`);
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < count; index++)
    await link(sources[index % sources.length] ?? "", path.join(folder, `${String(index).padStart(5, "0")}.png`));
  return folder;
}

async function bareLoop(files: readonly string[], count: number): Promise<number> {
  const classifier = await loadModel(shippedModel, {
    threads: os.availableParallelism(),
    cacheFolder: path.join(scratch, "cache"),
  });
  const decoder = new Decoder();
  const card = classifier.card;
  if (!card) throw new Error("Expected the default model to have a card");
  const tensors: Float32Array[] = [];
  for (const file of files)
    tensors.push((await decoder.prepare(file, { input: { ...card.input, layout: "NCHW" } })).tensor);
  await decoder.close();
  const pass = async (tensor: Float32Array): Promise<void> => {
    const [prediction] = await classifier.predict([tensor]);
    for (const method of defaultSettings.methods)
      await applyMethod(
        classifier,
        method,
        { classIndex: prediction?.classIndex ?? 0, of: "logit" },
        tensor,
        card.input,
      );
  };
  for (const tensor of tensors.slice(0, 2)) await pass(tensor);
  const began = performance.now();
  for (let index = 0; index < count; index++) await pass(tensors[index % tensors.length] as Float32Array);
  const seconds = (performance.now() - began) / 1000;
  await classifier.close();
  return seconds;
}

function helpMilliseconds(): number {
  const times = Array.from({ length: 9 }, () => {
    const began = performance.now();
    execFileSync(process.execPath, [command, "--help"]);
    return performance.now() - began;
  });
  return times.sort((a, b) => a - b)[4] ?? 0;
}

async function main(): Promise<void> {
  const classes = ["Superficial-Intermediate", "Parabasal", "Koilocytotic", "Dyskeratotic", "Metaplastic"] as const;
  await writePhantoms({
    folder: path.join(scratch, "phantoms"),
    kind: "fields",
    classes,
    countPerClass: 2,
    size: 512,
    seed: 1,
  });
  const sources = classes.flatMap((name) =>
    [0, 1].map((index) =>
      path.join(scratch, "phantoms", "images", name, `${name.toLowerCase()}-${String(index).padStart(4, "0")}.png`),
    ),
  );
  const methods = defaultSettings.methods.map(({ name }) => name).join(",");
  // The first run pays for building gradient graphs, which are kept.
  await pipeline(await folderOf(2, sources), path.join(scratch, "warm"), methods);

  const bare = await bareLoop(sources, compared);
  const startUp = (await pipeline(await folderOf(1, sources), path.join(scratch, "one"), methods)).seconds;
  const whole = (await pipeline(await folderOf(compared + 1, sources), path.join(scratch, "compared"), methods))
    .seconds;
  const small = await pipeline(await folderOf(few, sources), path.join(scratch, "few"), "grad-cam");
  const large = await pipeline(await folderOf(many, sources), path.join(scratch, "many"), "grad-cam");
  const report = {
    machine: `${os.cpus()[0]?.model ?? "?"}, ${os.availableParallelism()} cores, Node ${process.versions.node}`,
    network: path.basename(shippedModel),
    imagesPerSecond: {
      bareLoop: compared / bare,
      pipeline: compared / (whole - startUp),
      ratio: bare / (whole - startUp),
      startUpSeconds: startUp,
    },
    peakMegabytesOfLargestProcess: { [few]: small.peakMegabytes, [many]: large.peakMegabytes },
    gradCamImagesPerSecond: { [many]: many / large.seconds },
    helpMilliseconds: helpMilliseconds(),
  };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (!process.argv.includes("--quick"))
    writeFileSync(path.join(root, "bench", "pipeline.json"), `${JSON.stringify(report, null, 2)}\n`);
}

main()
  .finally(() => rmSync(scratch, { recursive: true, force: true }))
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  });
