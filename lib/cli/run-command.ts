import { existsSync } from "node:fs";
import path from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../contract/errors";
import type { BatchName } from "../contract/names";
import { batchSettingsKey, csvKey, incomingBatchPrefix, reportKey, summaryKey } from "../contract/object-keys";
import type { Settings } from "../contract/settings";
import { defaultSettings } from "../contract/settings";
import { canonicalJson } from "../contract/digests";
import type { Plan } from "../contract/plan";
import { summary as summaryDocument, type Summary } from "../contract/summary";
import { chooseFiles, type ChosenFiles } from "../local/choose-files";
import { fillBatch, type Filled } from "../local/fill-batch";
import { percent } from "../html/figures";
import { findModel } from "../local/find-model";
import type { ModelDescription } from "../local/model-description";
import { publishFoundModel } from "../local/publish-found-model";
import { localPipeline, type LocalPipeline } from "../local/local-pipeline";
import { runStatus } from "../protocol/batch-status";
import { collectBatch } from "../protocol/collect-batch";
import { requireDocument } from "../bucket/documents";
import { planBatch } from "../protocol/plan-batch";
import { supersedeRuns } from "../protocol/supersede-runs";
import { readPlans } from "../bucket/runs";
import { wholeNumber } from "./arguments";
import { addBatchFlags, settingsFrom, type BatchFlags } from "./batch-flags";
import { counted, describeFiles, listFiles, sizeText } from "./describe-files";
import { exitCodes } from "./exit-codes";
import { addModelFlags, descriptionFrom, saysSomething, type ModelFlags } from "./model-flags";
import { Progress } from "./progress";

interface RunFlags extends BatchFlags, ModelFlags {
  readonly out: string;
  readonly batch?: string;
  readonly model: string;
  readonly workers?: number;
  readonly provider?: "cpu" | "cuda";
  readonly json?: boolean;
  readonly exclude?: readonly string[];
  readonly dryRun?: boolean;
}

/** `cytolens run`: the whole pipeline of the cloud on this machine. */
export function defineRun(command: Command): void {
  command
    .argument("<paths...>", "folders of images, or single images")
    .option("-o, --out <folder>", "bucket folder for images and results", "cytolens-bucket")
    .option("--batch <name>", "the batch's name; by default that of the folder")
    .option("--model <model>", "an ONNX file, a model folder, or the name of a model in the bucket", "default")
    .option("--workers <number>", "processes at once", wholeNumber({ from: 1 }))
    .addOption(new Option("--provider <provider>", "where networks are computed").choices(["cpu", "cuda"]))
    .option(
      "--exclude <patterns...>",
      "leave files and folders out: names (node_modules, *-old.png) or paths (a/**/*.tif)",
    )
    .option("--dry-run", "list the images that would be worked on, and do nothing")
    .option("--json", "print the summary as JSON");
  addModelFlags(addBatchFlags(command)).action(async (paths: string[], flags: RunFlags) => {
    process.exitCode = await run(paths, flags);
  });
}

async function run(paths: readonly string[], flags: RunFlags): Promise<number> {
  const folder = path.resolve(flags.out);
  const chosen = await chooseFiles(paths, flags);
  if (flags.dryRun) return showFiles(chosen, await settingsFrom(flags, flags.model), flags);
  const say = flags.json ? () => undefined : (line: string) => process.stderr.write(`${line}\n`);
  const pipeline = localPipeline({ folder, workers: flags.workers, provider: flags.provider });
  for (const line of describeFiles(chosen, [counted(pipeline.workers, "worker")])) say(line);
  const provided = await provideModel(pipeline, flags.model, descriptionFrom(flags));
  const settings = await settingsFrom(flags, provided.name);
  await writeSettings(pipeline, chosen.batch, settings);
  const { refused, copied, copiedBytes } = await fillBatch(folder, chosen);
  // A further name of a file takes no room, so only copies are worth a word.
  if (copied > 0) say(`${counted(copied, "image")} copied into ${folder}: ${sizeText(copiedBytes)}`);
  for (const guess of provided.guesses) say(`note: ${guess}`);

  const interruption = stopOnSignal(pipeline, say);
  const others = await supersedeRuns(pipeline, chosen.batch);
  const outcome = await planBatch(pipeline, chosen.batch, { by: "command", coversUntil: null });
  if (outcome.state === "rejected") throw new UserError(outcome.failure.code, outcome.failure.message);
  const plans = (await readPlans(pipeline.store, chosen.batch)).filter(({ run }) => !others.has(run));
  await finish(pipeline, plans, flags.json === true, interruption);
  if (interruption.isOver) return exitCodes.interrupted;
  const summary = await requireDocument(pipeline.store, summaryKey(chosen.batch), summaryDocument);
  printSummary(folder, summary, flags.json === true);
  sayRefused(refused);
  // Images were named: none planned is never well.
  return summary.counts.failed > 0 || summary.counts.planned === 0 || refused.length > 0
    ? exitCodes.someFailed
    : exitCodes.done;
}

function showFiles(chosen: ChosenFiles, settings: Settings, { out, json }: RunFlags): number {
  const { batch, files, ...left } = chosen;
  const lines = [
    ...describeFiles(chosen),
    ...listFiles(chosen),
    `Nothing was done: this would go into ${path.resolve(out)}, with the model ${settings.model} and ${settings.methods.map(({ name }) => name).join(", ")}.`,
  ];
  process.stdout.write(
    json ? `${JSON.stringify({ batch, settings, files, ...left }, null, 2)}\n` : `${lines.join("\n")}\n`,
  );
  return exitCodes.done;
}

function sayRefused(refused: Filled["refused"]): void {
  for (const { name, reason } of refused) process.stderr.write(`not in the batch: ${name}: ${reason}\n`);
}

/** Waits for the runs that are not finished, and collects them. */
async function finish(
  pipeline: LocalPipeline,
  plans: readonly Plan[],
  quiet: boolean,
  interruption: { readonly isOver: boolean },
): Promise<void> {
  const progress = await progressOf(pipeline, plans, quiet);
  pipeline.queue.on("item", (status) => progress.step(status));
  await progress.start();
  try {
    for (const plan of plans) {
      for (;;) {
        await pipeline.queue.idle();
        if (interruption.isOver) return;
        const { state } = await collectBatch(pipeline, plan.batch, plan.run);
        if (state === "collected" || state === "already-collected") break;
        if (state === "running") await pipeline.clock.sleep(500);
      }
    }
  } finally {
    progress.end();
  }
}

/** Counts the images of unfinished runs, with those that an interrupted command has settled. */
async function progressOf({ store }: LocalPipeline, plans: readonly Plan[], quiet: boolean): Promise<Progress> {
  const unfinished = { items: 0, done: 0, failed: 0 };
  for (const plan of plans) {
    const { stage, items, counts } = await runStatus(store, plan);
    if (stage === "done") continue;
    unfinished.items += items;
    unfinished.done += counts.planned;
    unfinished.failed += counts.failed;
  }
  return new Progress(unfinished.items, quiet, unfinished);
}

/** Puts the model into the bucket; answers what settings call it. A model that cannot work is refused here, before any image. */
async function provideModel(
  { store }: LocalPipeline,
  asked: string,
  description: ModelDescription,
): Promise<{ readonly name: string; readonly guesses: readonly string[] }> {
  const found = await findModel(asked, description);
  if (!found) {
    if (!saysSomething(description)) return { name: asked, guesses: [] };
    throw new UserError(
      "model.not-found",
      `Expected an ONNX file, a model folder or "default" to describe by flags but received ${JSON.stringify(asked)}: a model in the bucket has its card`,
    );
  }
  const card = await publishFoundModel(store, found, asked === "default" ? ["default"] : []);
  const name = asked === "default" ? "default" : `sha256:${card.sha256}`;
  return { name, guesses: card.guesses ?? [] };
}

async function writeSettings({ store }: LocalPipeline, batch: BatchName, settings: Settings): Promise<void> {
  const key = batchSettingsKey(batch);
  if (canonicalJson(settings) === canonicalJson(defaultSettings)) await store.delete(key);
  else await store.write(key, `${JSON.stringify(settings, null, 2)}\n`);
}

function stopOnSignal({ queue }: LocalPipeline, say: (line: string) => void): { readonly isOver: boolean } {
  const interruption = { isOver: false };
  const stop = (): void => {
    if (interruption.isOver) process.exit(exitCodes.interrupted);
    interruption.isOver = true;
    say("\nStopping: images in hand are finished first. The same command goes on from here.");
    void queue.stop();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return interruption;
}

function printSummary(folder: string, summary: Summary, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
    return;
  }
  const { counts, batch, failures, classCounts, agreement } = summary;
  const lines = [
    `${counts.succeeded} of ${counts.planned} images succeeded, ${counts.failed} failed, ${counts.skipped} were skipped.`,
  ];
  for (const [name, count] of Object.entries(classCounts)) lines.push(`  ${name}: ${count}`);
  if (agreement) lines.push(agreementLine(agreement, summary.model?.card.classes ?? []));
  for (const { key, failure } of failures.slice(0, 5))
    lines.push(`  failed: ${key.slice(incomingBatchPrefix(batch).length)}: ${failure.message}`);
  if (counts.failed > 5) lines.push(`  and ${counts.failed - 5} more, all in the report`);
  for (const note of summary.notes) lines.push(`Note: ${note}.`);
  for (const [what, key] of [
    ["Report", reportKey(batch)],
    ["Table", csvKey(batch)],
    ["Summary", summaryKey(batch)],
  ] as const) {
    if (existsSync(path.join(folder, key))) lines.push(`${`${what}:`.padEnd(9)}${path.join(folder, key)}`);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

function agreementLine(
  { classes, matrix, accuracy }: NonNullable<Summary["agreement"]>,
  known: readonly string[],
): string {
  const comparable = classes.some((name, index) => known.includes(name) && matrix[index]?.some((count) => count > 0));
  return comparable
    ? `Agreement with the folders' names: ${percent(accuracy)}`
    : "None of the folders' names is a class of the model: there is nothing to agree with.";
}
