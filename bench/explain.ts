import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Command } from "commander";
import { baselineImage } from "../lib/attribution/baselines";
import { imageNetNormalisation } from "../lib/contract/normalisation";
import { fixedIntegratedGradients } from "../lib/attribution/fixed-integrated-gradients";
import { integratedGradients } from "../lib/attribution/integrated-gradients";
import { StraightPath } from "../lib/attribution/straight-path";
import type { Target } from "../lib/attribution/gradient-function";
import { percent } from "../lib/html/figures";
import { classModelOf } from "../lib/inference/class-model";
import { GradientCache } from "../lib/inference/gradient-cache";
import { GradientSession } from "../lib/inference/gradient-session";
import { networkNamed } from "../lib/networks/catalogue";
import { median } from "../lib/numeric/quantiles";
import { weightsByName } from "../test/networks/name-rule";
import { Captum } from "./captum";
import { ConvergedMaps } from "./converged-maps";
import { benchImages, type BenchImage } from "./explain-images";

const size = 224;
const classes = 5;
const dims = [3, size, size] as const;

interface Options {
  readonly networks: string[];
  readonly variants: string[];
  readonly images: string;
  readonly threads: string;
  readonly memory: string;
  readonly converged: string;
  readonly scratch: string;
  readonly cpuTime: boolean;
  readonly peak: boolean;
  readonly captum?: string;
  readonly captumVariants: string[];
}

interface Measured {
  readonly seconds: number;
  readonly passes: number;
  readonly distance: number;
}

interface Explained {
  readonly map: Float32Array;
  readonly passes: number;
}

/** What can be timed: "adaptive", "gl32" (Gauss–Legendre points), "segments24". */
async function explainedBy(
  variant: string,
  session: GradientSession,
  target: Target,
  { tensor, baseline }: BenchImage,
): Promise<Explained> {
  const [, kind = "", count = ""] = /^(adaptive|gl|segments)(\d*)$/.exec(variant) ?? [];
  if (kind === "adaptive") {
    const { perChannel, map, completeness } = await integratedGradients(
      session.segmentGradientFunction(target),
      tensor,
      baseline,
      dims,
    );
    return { map: perChannel ?? map, passes: completeness.passes };
  }
  if (kind === "gl" && count) {
    const { perChannel, map, completeness } = await fixedIntegratedGradients(
      session.gradientFunction(target),
      tensor,
      baseline,
      dims,
      Number(count),
    );
    return { map: perChannel ?? map, passes: completeness.passes };
  }
  if (kind === "segments" && count)
    return { map: await alongSegments(session, target, tensor, baseline, Number(count)), passes: Number(count) };
  throw new Error(`Expected adaptive, gl<points> or segments<count> as a variant but received "${variant}"`);
}

async function alongSegments(
  session: GradientSession,
  target: Target,
  tensor: Float32Array,
  baseline: Float32Array,
  count: number,
): Promise<Float32Array> {
  const line = new StraightPath(tensor, baseline);
  const cuts = Array.from({ length: count + 1 }, (_, cut) => cut / count);
  const { gradients } = await session.segmentGradientFunction(target)(line.pointsAt(cuts));
  return line.difference.map(
    (difference, at) => (difference * gradients.reduce((sum, gradient) => sum + (gradient[at] as number), 0)) / count,
  );
}

/** With a cache on disk, as `cytolens` has one. */
function sessionOf(name: string, options: Options): GradientSession {
  const network = networkNamed(name, { classes, size });
  const threads = threadsOf(options);
  return new GradientSession(classModelOf(network.build(weightsByName(network))), name, {
    threads,
    workers: threads,
    memoryBytes: Number(options.memory) * 2 ** 20,
    cache: new GradientCache(path.join(options.scratch, "gradients")),
  });
}

async function measure(
  name: string,
  images: readonly BenchImage[],
  options: Options,
  captum: Captum | undefined,
): Promise<Map<string, Measured[]>> {
  const references = await convergedMaps(name, images, options);
  const session = sessionOf(name, options);
  const results = new Map<string, Measured[]>();
  const record = (variant: string, measured: Measured): void => {
    results.set(variant, [...(results.get(variant) ?? []), measured]);
    console.log(
      `${name} ${variant}: ${measured.seconds.toFixed(2)} s, ${measured.passes} passes, ${percent(measured.distance)} from converged (load ${load()})`,
    );
  };
  for (const [index, image] of images.entries()) {
    const { target, logit: ourLogit } = await predictedBy(session, image);
    const reference = references[index];
    const distance = (map: Float32Array): number => (reference ? relativeDistance(map, reference) : NaN);
    const ours = options.variants.map((variant) => async () => {
      // Sessions are opened and warm before the clock starts.
      if (index === 0) await explainedBy(variant, session, target, image);
      const start = now(options.cpuTime);
      const { map, passes } = await explainedBy(variant, session, target, image);
      record(variant, { seconds: now(options.cpuTime) - start, passes, distance: distance(map) });
    });
    const theirs = captum
      ? options.captumVariants.map((variant) => async () => {
          const ask = {
            network: name,
            variant,
            image: image.tensor,
            baseline: image.baseline,
            target: target.classIndex,
            cpuTime: options.cpuTime,
            scratch: options.scratch,
          };
          if (index === 0) await captum.explain({ ...ask, steps: 2 });
          const { map, seconds, logit, steps } = await captum.explain(ask);
          if (Math.abs(logit - ourLogit) > 1e-3 * Math.abs(logit))
            throw new Error(`Expected the same logit of ${image.name} but PyTorch has ${logit}, we ${ourLogit}`);
          record(`Captum ${variant}`, { seconds, passes: steps, distance: distance(map) });
        })
      : [];
    // Every other image in the opposite order, so that a load that grows or fades favours nobody.
    const turns = [...ours, ...theirs];
    for (const turn of index % 2 ? turns.reverse() : turns) await turn();
  }
  await session.close();
  return results;
}

async function predictedBy(
  session: GradientSession,
  { tensor }: BenchImage,
): Promise<{ readonly target: Target; readonly logit: number }> {
  const [logits = new Float32Array()] = await session.logits([tensor]);
  const logit = Math.max(...logits);
  return { target: { classIndex: logits.indexOf(logit), of: "logit" }, logit };
}

/** Beforehand and with sessions of their own, which would crowd out those that are timed. */
async function convergedMaps(
  name: string,
  images: readonly BenchImage[],
  options: Options,
): Promise<(Float32Array | undefined)[]> {
  const segments = Number(options.converged);
  if (!(segments > 0)) return [];
  const maps = new ConvergedMaps(path.join(options.scratch, name), segments);
  const session = sessionOf(name, options);
  const found: Float32Array[] = [];
  for (const image of images) {
    found.push(
      await maps.of(
        image.name,
        async () =>
          await alongSegments(
            session,
            (await predictedBy(session, image)).target,
            image.tensor,
            image.baseline,
            segments,
          ),
      ),
    );
  }
  await session.close();
  return found;
}

function threadsOf({ cpuTime, threads }: Options): number {
  return cpuTime ? 1 : Number(threads);
}

/** Seconds of the clock, or of processor time of this process. */
function now(cpuTime: boolean): number {
  const { user, system } = process.cpuUsage();
  return cpuTime ? (user + system) / 1e6 : performance.now() / 1e3;
}

function relativeDistance(map: Float32Array, reference: Float32Array): number {
  let [difference, whole] = [0, 0];
  for (const [index, value] of reference.entries()) {
    difference += ((map[index] as number) - value) ** 2;
    whole += value ** 2;
  }
  return Math.sqrt(difference / whole);
}

const load = (): string => os.loadavg()[0]?.toFixed(1) ?? "?";

function report(name: string, results: Map<string, Measured[]>, { cpuTime }: Options): void {
  const columns = [...results.keys()].filter((variant) => variant.startsWith("Captum"));
  console.log(
    `\n| ${name}: medians | ${cpuTime ? "processor " : ""}seconds | passes | from converged | ${columns.map((other) => `${other} takes`).join(" | ")} |\n|---|---|---|---|${columns.map(() => "---|").join("")}`,
  );
  for (const [variant, measured] of results) {
    const ratios = columns.map(
      (other) =>
        `${median(measured.map(({ seconds }, image) => (results.get(other)?.[image]?.seconds ?? NaN) / seconds)).toFixed(2)} ×`,
    );
    console.log(
      `| ${[variant, median(measured.map(({ seconds }) => seconds)).toFixed(2), median(measured.map(({ passes }) => passes)), percent(median(measured.map(({ distance }) => distance))), ...ratios].join(" | ")} |`,
    );
  }
  console.log("");
}

/** Peak memory of a process that only explains one image. */
function peakOf(name: string, variant: string, { threads, memory, scratch }: Options): number {
  const child = spawnSync(
    process.execPath,
    [
      __filename,
      "--networks",
      name,
      "--variants",
      variant,
      "--images",
      "1",
      "--converged",
      "0",
      "--threads",
      threads,
      "--memory",
      memory,
      "--scratch",
      scratch,
      "--no-peak",
    ],
    { encoding: "utf8" },
  );
  return Number(/peak memory (\d+) MiB/.exec(child.stdout)?.[1]);
}

/** Integrated gradients of whole images: time, passes, memory, and how far the map is from the converged one. */
async function main(): Promise<void> {
  const options: Options = new Command("bench:explain")
    .option("--networks <names...>", "networks of the catalogue", ["densenet121", "resnet50", "ran92"])
    .option("--variants <names...>", "adaptive, gl<points>, segments<count>", [
      "adaptive",
      "gl32",
      "gl50",
      "segments20",
    ])
    .option("--images <count>", "images to explain, real ones where CYTOLENS_REFERENCE has them, else phantoms", "10")
    .option("--threads <count>", "threads, or workers of one thread", String(os.availableParallelism()))
    .option("--memory <MiB>", "memory budget of the sessions", "2048")
    .option("--converged <segments>", "segments of the map that others are compared with; 0: none", "128")
    .option("--scratch <folder>", "where converged maps are kept", path.join(os.tmpdir(), "cytolens-bench-explain"))
    .option("--cpu-time", "processor time of one thread each instead of the clock, for a busy machine", false)
    .option("--no-peak", "do not measure peak memory in processes of their own")
    .option("--captum <python>", "a Python with torch and captum, asked in turn (needs CYTOLENS_REFERENCE)")
    .option("--captum-variants <names...>", "<layout>-<images at once, or all>", [
      "contiguous-all",
      "contiguous-8",
      "channels_last-8",
    ])
    .parse()
    .opts();
  mkdirSync(options.scratch, { recursive: true });
  const images = await benchImages(
    Number(options.images),
    size,
    (tensor) => baselineImage("white", tensor, dims, imageNetNormalisation),
    options.scratch,
  );
  console.log(
    `${os.cpus()[0]?.model}, ${os.availableParallelism()} threads here, ${threadsOf(options)} used, load ${load()}, node ${process.version}, ${images.length} images`,
  );
  const captum = options.captum ? new Captum(options.captum, threadsOf(options)) : undefined;
  for (const name of options.networks) {
    const results = await measure(name, images, options, captum);
    report(name, results, options);
    writeFileSync(path.join(options.scratch, `${name}.json`), JSON.stringify(Object.fromEntries(results)));
    if (options.peak)
      for (const variant of options.variants)
        console.log(`${name} ${variant}: peak memory ${peakOf(name, variant, options)} MiB in a process of its own`);
  }
  captum?.end();
  if (!options.peak) console.log(`peak memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
}

void main();
