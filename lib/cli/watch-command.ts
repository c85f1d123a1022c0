import path from "node:path";
import { type Command, Option } from "commander";
import { reportKey } from "../contract/object-keys";
import type { BatchName } from "../contract/names";
import { CytolensError } from "../contract/errors";
import { findModel } from "../local/find-model";
import { publishModel } from "../bucket/publish-model";
import { watchBucket } from "../local/watch-bucket";
import { wholeNumber } from "./arguments";

interface WatchFlags {
  readonly idle: number;
  readonly model: string;
  readonly workers?: number;
  readonly provider?: "cpu" | "cuda";
}

/** `cytolens watch`: a drop folder that behaves as the bucket in the cloud does. */
export function defineWatch(command: Command): void {
  command
    .argument("<bucket-folder>", "files copied into its incoming/<batch>/ are worked on")
    .option(
      "--idle <seconds>",
      "how long a batch must be still before it is planned (a _READY file closes it at once)",
      wholeNumber(),
      10,
    )
    .option("--model <model>", 'what "default" means here: an ONNX file or a model folder', "default")
    .option("--workers <number>", "processes at once", wholeNumber({ from: 1 }))
    .addOption(new Option("--provider <provider>", "where networks are computed").choices(["cpu", "cuda"]))
    .action(async (folder: string, flags: WatchFlags) => {
      await watch(path.resolve(folder), flags);
    });
}

const say = (line: string): void => void process.stdout.write(`${new Date().toLocaleTimeString()}  ${line}\n`);

async function watch(folder: string, { idle, model, workers, provider }: WatchFlags): Promise<void> {
  const notices = {
    publish: (subject: string, message: string) => Promise.resolve(say(`${subject}: ${message.split("\n")[0] ?? ""}`)),
  };
  const bucket = await watchBucket({ folder, workers, provider, idleSeconds: idle, notices }, (error) => {
    say(error instanceof CytolensError ? `${error.message} [${error.code}]` : `Unexpected: ${String(error)}`);
  });
  const { pipeline } = bucket;
  const found = await findModel(model);
  if (found) await publishModel(pipeline.store, found, ["default", found.card.name]);
  pipeline.queue.on("job", (_facts, { batch }) =>
    say(`Batch ${batch}: workers are done; report at ${path.join(folder, reportKey(batch as BatchName))}`),
  );
  say(`Watching ${path.join(folder, "incoming")}: copy images into a folder there. Ctrl-C ends.`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  say("Stopping: images in hand are finished first.");
  await bucket.stop();
}
