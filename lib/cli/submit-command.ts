import type { Command } from "commander";
import { openBucket } from "../aws/open-bucket";
import { UserError } from "../contract/errors";
import { sha256 } from "../contract/names";
import { modelCardKey, modelNameKey } from "../contract/object-keys";
import { chooseFiles } from "../local/choose-files";
import { uploadBatch } from "../local/upload-batch";
import type { ObjectStore } from "../storage/object-store";
import { wholeNumber } from "./arguments";
import { addBatchFlags, settingsFrom, type BatchFlags } from "./batch-flags";
import { describeFiles } from "./describe-files";
import { exitCodes } from "./exit-codes";
import { Progress } from "./progress";

interface SubmitFlags extends BatchFlags {
  readonly bucket: string;
  readonly batch?: string;
  readonly model: string;
  readonly parallel: number;
  readonly ready: boolean;
  readonly json?: boolean;
  readonly exclude?: readonly string[];
}

/** `cytolens submit`: a folder into the lab's bucket, as one batch. */
export function defineSubmit(command: Command): void {
  command
    .argument("<folder>", "a folder of images")
    .requiredOption("--bucket <bucket>", "the stack's bucket (its name or s3://…), or a folder that is one (./bucket)")
    .option("--batch <name>", "the batch's name; by default that of the folder")
    .option("--model <name>", "a model published in the bucket, or sha256:<digest>", "default")
    .option("--parallel <number>", "uploads at a time", wholeNumber({ from: 1 }), 8)
    .option("--no-ready", "leave the batch open: it is planned once nothing was uploaded for a while")
    .option("--exclude <patterns...>", "leave files and folders out: names (*-old.png) or paths (a/**/*.tif)")
    .option("--json", "print what was done as JSON");
  addBatchFlags(command).action(async (folder: string, flags: SubmitFlags) => {
    process.exitCode = await submit(folder, flags);
  });
}

async function submit(folder: string, flags: SubmitFlags): Promise<number> {
  const settings = await settingsFrom(flags, flags.model);
  const chosen = await chooseFiles([folder], flags);
  if (!flags.json) for (const line of describeFiles(chosen)) process.stderr.write(`${line}\n`);
  const { store } = await openBucket(flags.bucket);
  await expectModel(store, flags.model);

  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  const progress = new Progress(chosen.files.length, flags.json === true);
  await progress.start();
  const done = await uploadBatch(store, chosen, {
    settings,
    ready: flags.ready,
    parallel: flags.parallel,
    stop: stop.signal,
    onProgress: ({ status }) => progress.step(status),
  });
  progress.end();
  process.off("SIGINT", interrupt);

  if (flags.json)
    console.log(
      JSON.stringify({ batch: chosen.batch, bucket: store.description, ...done, leftAlone: chosen.leftAlone }, null, 2),
    );
  else console.log(describeUpload(chosen.batch, flags, done));
  return done.complete ? exitCodes.done : exitCodes.interrupted;
}

function describeUpload(
  batch: string,
  { bucket, ready }: SubmitFlags,
  { uploaded, thereAlready, bytes, complete }: Awaited<ReturnType<typeof uploadBatch>>,
): string {
  const sent = `${uploaded} files uploaded (${(bytes / 1e6).toFixed(1)} MB)${thereAlready > 0 ? `, ${thereAlready} were there already` : ""}.`;
  if (!complete) return `${sent} Stopped: submit again to go on; nothing is planned yet unless the batch stays still.`;
  return `${sent} Batch ${batch} is ${ready ? "closed and being planned" : "open"}: cytolens status ${JSON.stringify(batch)} --bucket ${bucket}`;
}

/** Better refused now than by a rejected batch. */
async function expectModel(store: ObjectStore, model: string): Promise<void> {
  const digest = sha256.safeParse(model.replace(/^sha256:/, ""));
  const key = digest.success ? modelCardKey(digest.data) : modelNameKey(model);
  if (!(await store.head(key))) {
    throw new UserError(
      "model.unknown",
      `Expected a model published in ${store.description} but received ${JSON.stringify(model)}: cytolens model publish <folder> --bucket … puts one there`,
    );
  }
}
