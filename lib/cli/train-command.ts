import path from "node:path";
import { SingleBar } from "cli-progress";
import type { Command } from "commander";
import type { FileToUpload } from "../bucket/upload-files";
import { trainingName } from "../contract/deployment";
import { UserError } from "../contract/errors";
import { trainingRunPrefix } from "../contract/object-keys";
import { walkFiles } from "../local/walk-files";
import { crossValidate } from "../evaluation/cross-validate";
import type { ModelEvaluation } from "../evaluation/evaluate-model";
import { evaluationJson } from "../evaluation/write-evaluation";
import type { EpochRecord } from "../training/checkpoint";
import { percent } from "../html/figures";
import { leakageText } from "../training/leakage";
import { runTraining } from "../training/run-training";
import type { TrainingJob } from "../training/training-request";
import { givenFlags } from "./given-flags";
import { Progress } from "./progress";
import { addTrainOptions, partFoldsOf, settingsOf, type TrainFlags } from "./train-options";

/** Of this machine only: a job is not told them. */
const localFlags: ReadonlySet<string> = new Set(["out", "onBatch", "bucket", "json", "threads"]);
const uploadsAtOnce = 8;

/** `cytolens train`: a model folder from a folder of images. */
export function defineTrain(command: Command): void {
  addTrainOptions(command).action(async (data: string, flags: TrainFlags, command: Command) => {
    if (flags.onBatch) return trainInCloud(data, flags, givenFlags(command, localFlags));
    const bar =
      process.stderr.isTTY && !flags.json
        ? new SingleBar({
            format: "epoch {epoch} [{bar}] {value}/{total}  loss {loss}  validation {validation}",
            clearOnComplete: true,
          })
        : undefined;
    let validation = "—";
    const job = {
      data,
      variant: flags.variant,
      network: flags.network,
      split: flags.split,
      settings: settingsOf(flags),
      out: flags.out,
      name: flags.name,
      weights: flags.weights,
      newHead: flags.newHead,
      skipUnreadable: flags.skipUnreadable,
      calibrate: flags.calibrate,
      maskModel: flags.maskModel,
      threads: flags.threads,
      groups: flags.groups,
      foldColumn: flags.foldColumn,
      leakCheck: flags.leakCheck,
      prolong: flags.resume,
      command: commandLine(),
      onNote: (note: string) => process.stderr.write(`${note}\n`),
      onStep: ({ epoch, step, steps, loss }: StepProgress) => {
        if (step === 1) bar?.start(steps, 0, { epoch, loss: "", validation });
        bar?.update(step, { epoch, loss: loss.toFixed(4), validation });
      },
      onEpoch: ({ epoch, loss, validationAccuracy, seconds }: EpochRecord) => {
        validation = percent(validationAccuracy);
        bar?.stop();
        if (!flags.json)
          console.log(
            `epoch ${epoch}/${flags.epochs}  loss ${loss.toFixed(4)}  validation ${validation}  ${seconds.toFixed(0)} s`,
          );
      },
    };
    if (flags.folds !== undefined) {
      printFolds(await crossValidate({ ...job, folds: flags.folds }), flags);
      return;
    }
    const trained = await runTraining({ ...job, partFolds: partFoldsOf(flags) });
    const known = trained.leakage && leakageText(trained.leakage);
    if (known !== undefined) console.error(known);
    for (const { name, reason } of trained.unreadable) console.error(`left out ${name}: ${reason}`);
    const best = trained.history[trained.bestEpoch - 1];
    console.log(
      flags.json
        ? JSON.stringify({
            folder: trained.folder,
            card: trained.card,
            bestEpoch: trained.bestEpoch,
            history: trained.history,
            unreadable: trained.unreadable,
          })
        : `Best validation accuracy ${percent(best?.validationAccuracy ?? 0, 2)} (epoch ${trained.bestEpoch}, ${trained.validationImages} images). Model: ${trained.folder}`,
    );
  });
}

type StepProgress = Parameters<NonNullable<TrainingJob["onStep"]>>[0];

function printFolds(result: ModelEvaluation, { out, json }: TrainFlags): void {
  const known = result.leakage && leakageText(result.leakage);
  if (known !== undefined) console.error(known);
  const { accuracy, macro, intervals, samples } = result.evaluation;
  console.log(
    json
      ? JSON.stringify(evaluationJson(result))
      : `Out of fold, ${samples} images: accuracy ${percent(accuracy, 2)} (${percent(intervals.accuracy.low)} to ${percent(intervals.accuracy.high)}), macro F1 ${macro.f1.toFixed(3)}. Report: ${out}/evaluation.html`,
  );
}

/** Uploads the data set and leaves the training to the stack's AWS Batch. */
async function trainInCloud(data: string, { bucket, out, json }: TrainFlags, flags: readonly string[]): Promise<void> {
  if (bucket === undefined)
    throw new UserError("train.no-bucket", "Expected --bucket, the stack's bucket, with --on-batch but received none");
  const name = trainingName.safeParse(path.basename(path.resolve(out)));
  if (!name.success)
    throw new UserError(
      "train.name",
      `--out names the training: ${name.error.issues[0]?.message ?? ""} but received ${JSON.stringify(path.basename(out))}`,
    );
  const [{ openBucket }, { trainOnBatch }] = await Promise.all([
    import("../aws/open-bucket.js"),
    import("../aws/train-on-batch.js"),
  ]);
  const { store, jobs } = await openBucket(bucket);
  const files: FileToUpload[] = [];
  for await (const found of walkFiles(data)) {
    const { kind, inside } = found;
    if (kind === "file") files.push({ from: path.join(data, inside), to: inside.split(path.sep).join("/") });
    else
      process.stderr.write(
        `left out ${inside}: ${kind === "unreadable" ? found.reason : "a link to a folder it lies in"}\n`,
      );
  }
  const progress = new Progress(files.length, json === true);
  await progress.start();
  const order = { name: name.data, files, flags };
  const flow = { parallel: uploadsAtOnce, onProgress: () => progress.step("uploaded") };
  const { jobId } = await trainOnBatch(store, order, flow, jobs).finally(() => progress.end());
  const where = `${store.description}/${trainingRunPrefix(name.data)}`;
  console.log(
    json
      ? JSON.stringify({ training: name.data, jobId, out: where }, null, 2)
      : `Training ${name.data} is job ${jobId}. Progress, checkpoint and at last the model: ${where}`,
  );
}

/** As typed, without the paths of this machine's interpreter. */
function commandLine(): string {
  return ["cytolens", ...process.argv.slice(2)].join(" ");
}
