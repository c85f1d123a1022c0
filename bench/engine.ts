import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { Command } from "commander";
import { classModelOf, type ClassModel } from "../lib/inference/class-model";
import { gradientGraphOf, logitsGraphOf, plainGradientGraphOf } from "../lib/inference/gradient-graph";
import { GradientSession } from "../lib/inference/gradient-session";
import { Session } from "../lib/inference/session";
import { networkNamed } from "../lib/networks/catalogue";
import { median } from "../lib/numeric/quantiles";
import type { Tensor } from "../lib/onnx/model";
import { float32Tensor } from "../lib/onnx/tensor";
import { writeModel } from "../lib/onnx/write-model";
import { weightsByName } from "../test/networks/name-rule";
import { PyTorchProcess } from "./pytorch-process";

const size = 224;
const classes = 5;
const restMilliseconds = 200;
const request = { of: "logit", rule: "true" } as const;

interface Options {
  networks: string[];
  batches: string[];
  rounds: string;
  threads: string;
  memory: boolean;
  cpuTime: boolean;
  pytorch?: string;
  child?: string;
}

/** Milliseconds an image, by what was measured, one figure a round. */
type Timings = Map<string, number[]>;

function images(batch: number): Float32Array[] {
  return Array.from({ length: batch }, (_, row) =>
    Float32Array.from({ length: 3 * size * size }, (_, index) => Math.sin(index * 0.7 + row) + Math.cos(index * 0.013)),
  );
}

function feedsOf(session: Session, batch: number): Record<string, Tensor> {
  const input = new Float32Array(batch * 3 * size * size);
  images(batch).forEach((image, row) => input.set(image, row * image.length));
  const cotangent = new Float32Array(batch * classes).map((_, index) => (index % classes === 2 ? 1 : 0));
  const other = session.inputNames.find((name) => name !== "input");
  return {
    input: float32Tensor(input, [batch, 3, size, size]),
    ...(other ? { [other]: float32Tensor(cotangent, [batch, classes]) } : {}),
  };
}

function milliseconds(cpuTime: boolean): number {
  const { user, system } = process.cpuUsage();
  return cpuTime ? (user + system) / 1e3 : Number(process.hrtime.bigint()) / 1e6;
}

async function measure(
  name: string,
  batch: number,
  options: Options,
  pytorch: PyTorchProcess | undefined,
): Promise<Timings> {
  const threads = threadsOf(options);
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const start = milliseconds(options.cpuTime);
    await work();
    return (milliseconds(options.cpuTime) - start) / batch;
  };
  const source = sourceOf(name);
  const forward = await Session.open(writeModel(logitsGraphOf(source, batch)), { threads });
  const plain = await Session.open(writeModel(plainGradientGraphOf(source, { ...request, batch })), { threads });
  const start = process.hrtime.bigint();
  const built = gradientGraphOf(source, { ...request, batch });
  console.log(
    `${name}, batch ${batch}: gradient graph built in ${Math.round(Number(process.hrtime.bigint() - start) / 1e6)} ms, ${built.graph.nodes.length} nodes`,
  );
  const fast = await Session.open(writeModel(built), { threads });
  const workers = batch > 1 && threads > 1 ? new GradientSession(source, "", { workers: threads }) : undefined;
  const points = images(batch);
  const variants = new Map<string, () => Promise<number>>([
    ["forward", () => timed(() => forward.run(feedsOf(forward, batch)))],
    ["gradient as the rules emit it", () => timed(() => plain.run(feedsOf(plain, batch)))],
    ["gradient", () => timed(() => fast.run(feedsOf(fast, batch)))],
  ]);
  if (workers)
    variants.set(`gradient, ${threads} workers`, () =>
      timed(() => workers.gradientFunction({ classIndex: 2, of: "logit" })(points)),
    );
  if (pytorch)
    for (const layout of ["contiguous", "channels_last"])
      variants.set(`PyTorch ${layout}`, () =>
        pytorch.ask(`${name} ${batch} ${layout} ${options.cpuTime ? "cpu" : "wall"}`),
      );
  const live = 3 + (workers ? threads : 0);
  console.log(
    `  ${live} live sessions${pytorch ? " and a PyTorch process" : ""}, ${threads} threads each (workers: 1), load ${os.loadavg()[0]?.toFixed(1)}`,
  );
  const timings: Timings = new Map([...variants.keys()].map((variant) => [variant, []]));
  for (let round = 0; round <= Number(options.rounds); round++) {
    for (const [variant, run] of round % 2 ? [...variants].reverse() : variants) {
      // Threads of other sessions spin for a while after their last run: each turn begins when they sleep, and warms its own.
      await setTimeout(restMilliseconds);
      await run();
      const taken = await run();
      // The first round warms up.
      if (round > 0) timings.get(variant)?.push(taken);
    }
  }
  for (const session of [forward, plain, fast, workers]) await session?.close();
  return timings;
}

/** CPU time is only told apart from waiting with one thread: others spin. */
function threadsOf({ cpuTime, threads }: Options): number {
  return cpuTime ? 1 : Number(threads);
}

function sourceOf(name: string): ClassModel {
  const network = networkNamed(name, { classes, size });
  return classModelOf(network.build(weightsByName(network)));
}

/** Medians, and the median over rounds of the ratio to another variant of the same round: load that comes and goes cancels. */
function report(name: string, batch: number, timings: Timings, unit: string): void {
  const versus = (variant: string, other: string): string => {
    const [mine, theirs] = [timings.get(variant), timings.get(other)];
    return mine && theirs ? median(mine.map((value, round) => value / (theirs[round] ?? NaN))).toFixed(2) : "";
  };
  const layouts = [...timings.keys()].filter((variant) => variant.startsWith("PyTorch"));
  const [best = ""] = layouts.toSorted((a, b) => median(timings.get(a) ?? []) - median(timings.get(b) ?? []));
  console.log(
    `| ${name}, batch ${batch} | ${unit} ms an image, median (least) | over forward | gradients/s against PyTorch |\n|---|---|---|---|`,
  );
  for (const [variant, values] of timings) {
    const against = best && variant.startsWith("gradient") ? versus(best, variant) : "";
    console.log(
      `| ${variant} | ${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)}) | ${versus(variant, "forward")} | ${against} |`,
    );
  }
}

/** Peak memory of a process that only loads the finished graph and runs it. */
function peakMemory(name: string, batch: number, threads: number): number {
  const folder = mkdtempSync(path.join(os.tmpdir(), "bench-engine-"));
  try {
    const file = path.join(folder, "gradient.onnx");
    writeFileSync(file, writeModel(gradientGraphOf(sourceOf(name), { ...request, batch })));
    const child = spawnSync(
      process.execPath,
      [__filename, "--child", `${file},${batch}`, "--threads", String(threads)],
      { encoding: "utf8" },
    );
    return Number(child.stdout.trim());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runAsChild(file: string, batch: number, threads: number): Promise<void> {
  const session = await Session.open(readFileSync(file), { threads });
  const feeds = feedsOf(session, batch);
  for (let round = 0; round < 3; round++) await session.run(feeds);
  console.log(process.resourceUsage().maxRSS / 1024);
}

async function main(options: Options): Promise<void> {
  const threads = threadsOf(options);
  if (options.child !== undefined) {
    const [file = "", batch = "1"] = options.child.split(",");
    await runAsChild(file, Number(batch), threads);
    return;
  }
  console.log(
    `${os.cpus().length} × ${os.cpus()[0]?.model}, node ${process.version}, load ${os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")}`,
  );
  const pytorch = options.pytorch ? new PyTorchProcess(options.pytorch, "pytorch_engine.py", threads) : undefined;
  for (const name of options.networks) {
    for (const batch of options.batches.map(Number)) {
      report(name, batch, await measure(name, batch, options, pytorch), options.cpuTime ? "CPU" : "elapsed");
      if (options.memory)
        console.log(
          `peak memory of a process with this gradient alone: ${Math.round(peakMemory(name, batch, threads))} MiB`,
        );
    }
  }
  pytorch?.end();
}

void main(
  new Command()
    .description("Forward passes and input gradients side by side; needs a machine with nothing else to do")
    .option("--networks <names...>", "networks of the catalogue", [
      "densenet121",
      "densenet121-rca",
      "resnet50",
      "ran92",
    ])
    .option("--batches <numbers...>", "batch sizes", ["1", "8"])
    .option("--rounds <number>", "interleaved rounds", "7")
    .option("--threads <number>", "threads of a session, and of PyTorch", String(os.availableParallelism()))
    .option(
      "--cpu-time",
      "processor time with one thread instead of elapsed time: for machines that are not quiet",
      false,
    )
    .option("--no-memory", "leave out peak memory")
    .option("--pytorch <python>", "a Python with torch, to be measured in between (CYTOLENS_REFERENCE must be set)")
    .option("--child <file,batch>", "used by the benchmark itself")
    .parse()
    .opts<Options>(),
);
