import { type Command, Option } from "commander";
import { evaluateFolds, holdsFolds } from "../evaluation/cross-validate";
import { evaluateModel, type EvaluationJob } from "../evaluation/evaluate-model";
import { evaluationJson, writeEvaluation } from "../evaluation/write-evaluation";
import { percent } from "../html/figures";
import { leakageText } from "../training/leakage";
import type { SipakmedVariant } from "../training/data-set";
import { splitNames, type SplitName } from "../training/data-split";
import { findModel } from "../local/find-model";
import { list, wholeNumber } from "./arguments";
import { addModelFlags, descriptionFrom, type ModelFlags } from "./model-flags";
import { foldColumnText, groupsText } from "./train-options";

interface EvaluateFlags extends ModelFlags {
  out?: string;
  split?: SplitName;
  part: "train" | "validation" | "test";
  variant: SipakmedVariant;
  groups?: string;
  foldColumn?: string;
  testFolds?: string[];
  leakCheck: boolean;
  flips?: boolean;
  skipUnreadable?: boolean;
  maskModel?: string;
  threads?: number;
  json?: boolean;
}

/** `cytolens evaluate`: how good a model is on labelled images. */
export function defineEvaluate(command: Command): void {
  command
    .argument("<model>", "model folder, ONNX file, or a folder that train --folds wrote")
    .argument("<data>", "class folders, named as the model's classes")
    .option("-o, --out <folder>", "folder for evaluation.html, evaluation.json and predictions.csv")
    .addOption(new Option("--split <name>", "evaluate on one part of a split only").choices([...splitNames]))
    .addOption(
      new Option("--part <name>", "which part of the split").choices(["train", "validation", "test"]).default("test"),
    )
    .addOption(
      new Option("--variant <name>", "SIPaKMeD's image set").choices(["full", "cropped", "masked"]).default("full"),
    )
    .option("--groups <rule>", groupsText)
    .option("--fold-column <column>", foldColumnText)
    .option("--test-folds <folds>", "evaluate on these folds of the column only", list)
    .option("--no-leak-check", "do not look for images that the split's training part knows")
    .option("--flips", "average the probabilities over four flips")
    .option("--mask-model <folder>", "mask images with this U-Net (a model folder) in place of Otsu's threshold")
    .option("--skip-unreadable", "leave unreadable images out")
    .option("--threads <number>", "of the computation (default: all cores)", wholeNumber({ from: 1 }))
    .option("--json", "print the scores as JSON");
  addModelFlags(command).action(async (model: string, data: string, flags: EvaluateFlags) => {
    const job = {
      data,
      variant: flags.variant,
      flips: flags.flips,
      skipUnreadable: flags.skipUnreadable,
      maskModel: flags.maskModel,
      threads: flags.threads,
      leakCheck: flags.leakCheck,
    };
    const result = holdsFolds(model)
      ? await evaluateFolds({ ...job, model })
      : await evaluateModel({
          ...job,
          model: (await findModel(model, descriptionFrom(flags))) ?? model,
          groups: flags.groups,
          part: partOf(flags),
        });
    const known = result.leakage && leakageText(result.leakage);
    if (known !== undefined) console.error(known);
    if (flags.out !== undefined) await writeEvaluation(flags.out, result);
    if (flags.json) {
      console.log(JSON.stringify(evaluationJson(result)));
      return;
    }
    const { accuracy, macro, macroAuc, calibration, intervals, samples } = result.evaluation;
    const range = result.groups ? intervals.accuracy : intervals.accuracyWilson;
    for (const note of result.notes) console.error(note);
    if (result.part !== "all images") console.error(`Evaluated: ${result.part}.`);
    for (const guess of result.guesses ?? []) console.error(`note: ${guess}`);
    for (const { name, reason } of result.unreadable) console.error(`left out ${name}: ${reason}`);
    console.log(
      `${samples} images: top-1 ${percent(accuracy, 2)} (95 % interval ${percent(range.low, 2)} to ${percent(range.high, 2)}${result.groups ? `, resampling ${result.groups.count} groups` : ""}), macro F1 ${percent(macro.f1, 2)}, mean ROC-AUC ${macroAuc.toFixed(4)}, calibration error ${percent(calibration.expectedError, 2)} (${percent(calibration.expectedErrorByChance, 2)} by chance)`,
    );
    for (const scores of result.evaluation.perClass)
      console.log(
        `  ${scores.className}: precision ${percent(scores.precision, 2)}, recall ${percent(scores.recall, 2)}, F1 ${percent(scores.f1, 2)}, support ${scores.support}`,
      );
    if (flags.out !== undefined) console.log(`Report: ${flags.out}/evaluation.html`);
  });
}

function partOf({ split, part, groups, foldColumn, testFolds }: EvaluateFlags): EvaluationJob["part"] {
  if (foldColumn !== undefined && testFolds !== undefined)
    return { split: "study", groups, foldColumn, partFolds: { test: testFolds }, name: "test" };
  return split && { split, groups, name: part };
}
