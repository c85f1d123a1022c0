import { spawnSync } from "node:child_process";
import os from "node:os";
import { Command } from "commander";
import { networkNamed } from "../lib/networks/catalogue";
import { initializeWeights } from "../lib/networks/initialize";
import { median } from "../lib/numeric/quantiles";
import { CounterRandom } from "../lib/random/counter-random";
import type { Batch, SampleSource } from "../lib/training/sample-source";
import { parseTrainingSettings } from "../lib/training/training-settings";
import { TrainingSteps } from "../lib/training/training-steps";
import { PyTorchProcess } from "./pytorch-process";

const stepsForMemory = 3;
const layouts = ["contiguous", "channels_last"] as const;

interface Options {
  network: string;
  size: string;
  batch: string;
  threads: string;
  rounds: string;
  cpuTime: boolean;
  memory: boolean;
  pytorch?: string;
  child: boolean;
}

/** Steps of one network on images of noise; each call computes one. */
interface Steps {
  next(): Promise<void>;
  close(): Promise<void>;
}

async function openSteps({ network: name, ...options }: Options, threads: number): Promise<Steps> {
  const settings = parseTrainingSettings({ size: Number(options.size), batch: Number(options.batch), epochs: 1 });
  const network = networkNamed(name, { classes: 5, size: settings.size });
  const source: SampleSource = {
    count: settings.batch,
    labelsPerSample: 1,
    close: async () => {},
    batch: () => Promise.reject(new Error("not asked")),
  };
  const training = await TrainingSteps.open({
    network,
    classes: ["a", "b", "c", "d", "e"],
    weights: initializeWeights(network, 1),
    train: source,
    validation: source,
    settings,
    fingerprint: "",
    threads,
  });
  const draws = Array.from({ length: settings.batch }, (_, sample) => ({ sample, epoch: 1 }));
  const random = new CounterRandom(1);
  const data: Batch = {
    count: settings.batch,
    labels: BigInt64Array.from(draws, ({ sample }) => BigInt(sample % 5)),
    input: Float32Array.from({ length: settings.batch * 3 * settings.size ** 2 }, () => random.uniform(-2, 2)),
  };
  let step = 0;
  return {
    next: async () => {
      await training.step(data, draws, ++step, 1e-3);
    },
    close: () => training.close(),
  };
}

function milliseconds(cpuTime: boolean): number {
  const { user, system } = process.cpuUsage();
  return cpuTime ? (user + system) / 1e3 : performance.now();
}

/** Peak memory in MiB of a process that does nothing but a few steps. */
function ownPeak({ network, size, batch }: Options, threads: number): number {
  const child = spawnSync(
    process.execPath,
    [__filename, "--child", "--network", network, "--size", size, "--batch", batch, "--threads", String(threads)],
    { encoding: "utf8" },
  );
  return Number(child.stdout.trim());
}

async function pytorchPeak(python: string, stepOrder: string, threads: number): Promise<number> {
  const pytorch = new PyTorchProcess(python, "training_pytorch.py", threads);
  for (let step = 0; step < stepsForMemory; step++) await pytorch.ask(stepOrder);
  const peak = await pytorch.ask("memory");
  pytorch.end();
  return peak;
}

async function main(options: Options): Promise<void> {
  const { network, size, batch, cpuTime } = options;
  // Processor time is only told apart from waiting with one thread: others spin.
  const threads = cpuTime ? 1 : Number(options.threads);
  if (options.child) {
    const steps = await openSteps(options, threads);
    for (let step = 0; step < stepsForMemory; step++) await steps.next();
    console.log(process.resourceUsage().maxRSS / 1024);
    await steps.close();
    return;
  }
  console.log(
    `${os.cpus().length} × ${os.cpus()[0]?.model}, node ${process.version}, load ${os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")}`,
  );
  const memory = new Map<string, number>();
  const orderOf = (layout: string): string => `step ${network} ${size} ${batch} ${layout} ${cpuTime ? "cpu" : "wall"}`;
  if (options.memory) {
    memory.set("Cytolens", ownPeak(options, threads));
    if (options.pytorch)
      for (const layout of layouts)
        memory.set(`PyTorch ${layout}`, await pytorchPeak(options.pytorch, orderOf(layout), threads));
  }
  const opened = performance.now();
  const steps = await openSteps(options, threads);
  console.log(`opened in ${((performance.now() - opened) / 1000).toFixed(1)} s`);
  const pytorch = options.pytorch ? new PyTorchProcess(options.pytorch, "training_pytorch.py", threads) : undefined;
  const variants = new Map<string, () => Promise<number>>([
    [
      "Cytolens",
      async () => {
        const start = milliseconds(cpuTime);
        await steps.next();
        return milliseconds(cpuTime) - start;
      },
    ],
  ]);
  if (pytorch) for (const layout of layouts) variants.set(`PyTorch ${layout}`, () => pytorch.ask(orderOf(layout)));
  const timings = new Map([...variants.keys()].map((variant) => [variant, [] as number[]]));
  for (let round = 0; round <= Number(options.rounds); round++) {
    for (const [variant, run] of round % 2 ? [...variants].reverse() : variants) {
      const taken = await run();
      // The first round warms up.
      if (round > 0) timings.get(variant)?.push(taken);
    }
  }
  await steps.close();
  pytorch?.end();
  report(options, threads, timings, memory);
}

/** Medians, and the median over rounds of the ratio to the same round of PyTorch: load that comes and goes cancels. */
function report(
  { network, size, batch, cpuTime }: Options,
  threads: number,
  timings: ReadonlyMap<string, readonly number[]>,
  memory: ReadonlyMap<string, number>,
): void {
  const ours = timings.get("Cytolens") ?? [];
  console.log(
    `| ${network}, ${size} pixels, batch ${batch}, ${threads} threads | images a second of ${cpuTime ? "processor" : "elapsed"} time, median (best) | Cytolens / this | peak MiB |\n|---|---|---|---|`,
  );
  for (const [variant, values] of timings) {
    const rate = (taken: number): string => ((Number(batch) * 1e3) / taken).toFixed(2);
    const ratio =
      variant === "Cytolens"
        ? ""
        : median(values.map((value, round) => value / (ours[round] ?? Number.NaN))).toFixed(2);
    console.log(
      `| ${variant} | ${rate(median(values))} (${rate(Math.min(...values))}) | ${ratio} | ${memory.get(variant)?.toFixed(0) ?? ""} |`,
    );
  }
}

void main(
  new Command()
    .description("Training steps (forward, backward, Adam) a second, beside PyTorch's where there is one")
    .option("--network <name>", "a network of the catalogue", "densenet121")
    .option("--size <pixels>", "height and width", "224")
    .option("--batch <number>", "images a step", "16")
    .option("--threads <number>", "threads of the session, and of PyTorch", String(os.availableParallelism()))
    .option("--rounds <number>", "interleaved rounds", "5")
    .option(
      "--cpu-time",
      "processor time with one thread instead of elapsed time: for machines that are not quiet",
      false,
    )
    .option("--no-memory", "leave out peak memory")
    .option("--pytorch <python>", "a Python with torch, to be measured in between (CYTOLENS_REFERENCE must be set)")
    .option("--child", "used by the benchmark itself", false)
    .parse()
    .opts<Options>(),
).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
