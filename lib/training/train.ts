import { existsSync } from "node:fs";
import { ModelError, UserError } from "../contract/errors";
import type { Tensor } from "../onnx/model";
import { readCheckpoint, writeCheckpoint, type Checkpoint, type EpochRecord } from "./checkpoint";
import { drawsByClass, epochDraws, priorOffsets } from "./epoch-draws";
import { withPrior } from "./head-prior";
import { NetworkRunner, scoreAll } from "./network-runner";
import { rateAt, type Schedule } from "./schedule";
import { summarise } from "./scores";
import { differences } from "./training-identity";
import type { TrainingRun } from "./training-run";
import type { TrainingSettings } from "./training-settings";
import { TrainingSteps } from "./training-steps";

export interface TrainingResult {
  /** The weights of the epoch with the best validation accuracy, and of several such the one with the lowest loss; or the last. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly bestEpoch: number;
  readonly bestValidation: number;
  readonly history: readonly EpochRecord[];
  readonly resumedAfterEpoch: number;
  /** Epochs that were planned before the run was prolonged, in order. */
  readonly earlierPlans: readonly number[];
}

/**
 * Trains a network and returns the weights of its best epoch. With a checkpoint file the run goes on from the last whole epoch, and
 * ends where an unbroken run would have ended, to the bit (same machine, same number of threads).
 * @throws UserError "training.too-few", "training.diverged", "checkpoint.other-run"; ModelError "checkpoint.other-network"; EnvironmentError "storage.full"
 */
export async function train(run: TrainingRun): Promise<TrainingResult> {
  const { network, settings, train: samples } = run;
  const turns = epochDraws(settings, samples.count, run.labels, 1).length;
  if (turns < settings.batch) {
    throw new UserError(
      "training.too-few",
      `Expected at least one batch of ${settings.batch} training images but received ${turns}; choose a smaller batch`,
    );
  }
  if (settings.dropPath !== undefined && network.paths.length === 0) {
    throw new UserError(
      "training.settings",
      `Expected a network with residual branches to leave out (dropPath) but ${network.name} has none that may be`,
    );
  }
  if (run.validation.count === 0)
    throw new UserError(
      "training.no-validation",
      "Expected images to validate on but the split leaves none; add images",
    );
  const steps = await TrainingSteps.open(run);
  const runner = await NetworkRunner.open(network, run.weights, settings.size, run.threads);
  try {
    const checkpoint =
      (await resumed(run)) ??
      steps.checkpoint({
        network: network.name,
        classes: run.classes,
        fingerprint: run.fingerprint,
        identity: run.identity,
        epoch: 0,
        step: 0,
        bestEpoch: 0,
        bestValidation: -1,
        history: [],
      });
    steps.restore(checkpoint);
    const { state, best } = checkpoint;
    const resumedAfterEpoch = state.epoch;
    const batches = batchesOf(turns, settings.batch);
    const offsets = run.labels && drawsByClass(settings) ? priorOffsets(settings, run.labels) : undefined;
    const judged = () => withPrior(network, steps.inferenceWeights(), offsets);
    const schedule: Schedule = {
      name: settings.schedule,
      rate: settings.rate,
      totalSteps: settings.epochs * batches,
      warmupSteps: Math.round(settings.warmupEpochs * batches),
    };
    while (state.epoch < settings.epochs && !isExhausted(state, settings)) {
      const started = performance.now();
      const epoch = state.epoch + 1;
      const learned = await trainEpoch(run, steps, schedule, epoch, state.step);
      const validated = summarise(await scoreAll(runner, judged(), run.validation));
      state.epoch = epoch;
      state.step += batches;
      state.history.push({
        epoch,
        loss: learned.loss,
        trainAccuracy: learned.accuracy,
        validationLoss: validated.loss,
        validationAccuracy: validated.accuracy,
        seconds: (performance.now() - started) / 1000,
      });
      if (settings.keep === "last" || isBetter(validated, state.history[state.bestEpoch - 1])) {
        state.bestValidation = validated.accuracy;
        state.bestEpoch = epoch;
        for (const [name, tensor] of Object.entries(judged()))
          best.set(name, Float32Array.from(tensor.data as Float32Array));
      }
      if (run.checkpointFile !== undefined)
        await writeCheckpoint(run.checkpointFile, { ...steps.checkpoint(state), best }, steps.shapes);
      await run.onEpoch?.(state.history);
    }
    const weights = new Map(
      [...best].map(([name, data]) => [
        name,
        { dataType: "float32", dims: steps.shapes.get(name) ?? [], data } as Tensor,
      ]),
    );
    return {
      weights,
      bestEpoch: state.bestEpoch,
      bestValidation: state.bestValidation,
      history: state.history,
      resumedAfterEpoch,
      earlierPlans: state.earlierPlans ?? [],
    };
  } finally {
    await steps.close();
    await runner.close();
  }
}

async function trainEpoch(
  run: TrainingRun,
  steps: TrainingSteps,
  schedule: Schedule,
  epoch: number,
  stepsBefore: number,
): Promise<{ loss: number; accuracy: number }> {
  const { settings, train: source } = run;
  const order = epochDraws(settings, source.count, run.labels, epoch).map((draw) => ({ ...draw, epoch }));
  const count = batchesOf(order.length, settings.batch);
  const drawsOf = (batch: number) => order.slice(batch * settings.batch, (batch + 1) * settings.batch);
  const ask = (batch: number) => source.batch(drawsOf(batch));
  let lossSum = 0,
    right = 0,
    seen = 0;
  let pending = ask(0);
  for (let batch = 0; batch < count; batch++) {
    const data = await pending;
    // Asked for before the step, so that the next batch is made while this one is computed.
    if (batch + 1 < count) pending = ask(batch + 1);
    const step = stepsBefore + batch;
    const { loss, correct } = await steps.step(data, drawsOf(batch), step + 1, rateAt(schedule, step));
    if (!Number.isFinite(loss)) {
      const kept = run.checkpointFile === undefined ? "" : `; the checkpoint of epoch ${epoch - 1} is kept`;
      throw new UserError(
        "training.diverged",
        `Expected a finite loss but step ${step + 1} (epoch ${epoch}, batch ${batch + 1}) gave ${loss}${kept}; try a lower learning rate`,
      );
    }
    lossSum += loss * data.count;
    right += correct;
    seen += data.count;
    run.onStep?.({ epoch, step: batch + 1, steps: count, loss: lossSum / seen });
  }
  return { loss: lossSum / seen, accuracy: right / (seen * source.labelsPerSample) };
}

/** Whole batches an epoch. What is left over differs from epoch to epoch, for each has its own order. */
function batchesOf(count: number, batch: number): number {
  return Math.floor(count / batch);
}

/** By accuracy; of epochs as accurate as each other, by loss. */
function isBetter(validated: { loss: number; accuracy: number }, best: EpochRecord | undefined): boolean {
  if (!best || validated.accuracy !== best.validationAccuracy)
    return !best || validated.accuracy > best.validationAccuracy;
  return validated.loss < best.validationLoss;
}

/** Whether accuracy has not risen for as many epochs as patience lasts. */
function isExhausted({ epoch, history }: Checkpoint["state"], { patience }: TrainingSettings): boolean {
  const best = Math.max(...history.map(({ validationAccuracy }) => validationAccuracy));
  return (
    patience > 0 &&
    history.length > 0 &&
    epoch - (history.findIndex(({ validationAccuracy }) => validationAccuracy === best) + 1) >= patience
  );
}

async function resumed(run: TrainingRun): Promise<Checkpoint | undefined> {
  const { checkpointFile, network, classes } = run;
  if (checkpointFile === undefined || !existsSync(checkpointFile)) return undefined;
  const checkpoint = await readCheckpoint(checkpointFile);
  const { state } = checkpoint;
  if (state.network !== network.name || state.classes.join() !== classes.join()) {
    throw new ModelError(
      "checkpoint.other-network",
      `Expected a checkpoint of ${network.name} with the classes ${classes.join(", ")} at ${checkpointFile} but received one of ${state.network} with ${state.classes.join(", ")}`,
    );
  }
  if (state.fingerprint !== run.fingerprint) refuseOrProlong(run, checkpointFile, state);
  return checkpoint;
}

/** @throws UserError "checkpoint.other-run", which names what differs, unless that is the number of epochs and the run may be prolonged */
function refuseOrProlong(run: TrainingRun, checkpointFile: string, state: Checkpoint["state"]): void {
  const differing = state.identity && run.identity ? differences(state.identity, run.identity) : [];
  const epochsAlone = differing.length === 1 && differing[0]?.name === "settings.epochs";
  if (epochsAlone && run.prolong && run.settings.epochs > state.epoch) {
    const planned = state.identity?.["settings"] as TrainingSettings | undefined;
    state.earlierPlans = [...(state.earlierPlans ?? []), planned?.epochs ?? state.epoch];
    state.fingerprint = run.fingerprint;
    state.identity = run.identity;
    return;
  }
  const what =
    differing.length === 0 ? "they differ" : `they differ in ${differing.map(({ text }) => text).join("; ")}`;
  const advice = !epochsAlone
    ? "choose another output folder to begin anew"
    : run.prolong
      ? `prolong it beyond the ${state.epoch} epochs that are done`
      : "pass --resume to prolong it, or choose another output folder to begin anew";
  throw new UserError(
    "checkpoint.other-run",
    `Expected ${checkpointFile} to be of a run with the same settings and data but ${what}; ${advice}`,
  );
}
