import { type Command, Option } from "commander";
import { evaluateModel } from "../evaluation/evaluate-model";
import { evaluationJson, writeEvaluation } from "../evaluation/write-evaluation";
import { percent } from "../html/figures";
import type { SipakmedVariant } from "../training/data-set";
import { splitNames, type SplitName } from "../training/data-split";
import { wholeNumber } from "./arguments";

interface EvaluateFlags {
  out?: string;
  split?: SplitName;
  part: "train" | "validation" | "test";
  variant: SipakmedVariant;
  flips?: boolean;
  skipUnreadable?: boolean;
  maskModel?: string;
  threads?: number;
  json?: boolean;
}

/** `cytolens evaluate`: how good a model is on labelled images. */
export function defineEvaluate(command: Command): void {
  command
    .argument("<model>", "model folder or ONNX file")
    .argument("<data>", "class folders, named as the model's classes")
    .option("-o, --out <folder>", "folder for evaluation.html, evaluation.json and predictions.csv")
    .addOption(new Option("--split <name>", "evaluate on one part of a split only").choices([...splitNames]))
    .addOption(
      new Option("--part <name>", "which part of the split").choices(["train", "validation", "test"]).default("test"),
    )
    .addOption(
      new Option("--variant <name>", "SIPaKMeD's image set").choices(["full", "cropped", "masked"]).default("full"),
    )
    .option("--flips", "average the probabilities over four flips")
    .option("--mask-model <folder>", "mask images with this U-Net (a model folder) in place of Otsu's threshold")
    .option("--skip-unreadable", "leave unreadable images out")
    .option("--threads <number>", "of the computation (default: all cores)", wholeNumber({ from: 1 }))
    .option("--json", "print the scores as JSON")
    .action(async (model: string, data: string, flags: EvaluateFlags) => {
      const result = await evaluateModel({
        model,
        data,
        variant: flags.variant,
        flips: flags.flips,
        skipUnreadable: flags.skipUnreadable,
        maskModel: flags.maskModel,
        threads: flags.threads,
        part: flags.split && { split: flags.split, name: flags.part },
      });
      if (flags.out !== undefined) await writeEvaluation(flags.out, result);
      if (flags.json) {
        console.log(JSON.stringify(evaluationJson(result)));
        return;
      }
      const { accuracy, macro, macroAuc, calibration, intervals, samples } = result.evaluation;
      for (const { name, reason } of result.unreadable) console.error(`left out ${name}: ${reason}`);
      console.log(
        `${samples} images: top-1 ${percent(accuracy, 2)} (95 % interval ${percent(intervals.accuracyWilson.low, 2)} to ${percent(intervals.accuracyWilson.high, 2)}), macro F1 ${percent(macro.f1, 2)}, mean ROC-AUC ${macroAuc.toFixed(4)}, calibration error ${percent(calibration.expectedError, 2)} (${percent(calibration.expectedErrorByChance, 2)} by chance)`,
      );
      for (const scores of result.evaluation.perClass)
        console.log(
          `  ${scores.className}: precision ${percent(scores.precision, 2)}, recall ${percent(scores.recall, 2)}, F1 ${percent(scores.f1, 2)}, support ${scores.support}`,
        );
      if (flags.out !== undefined) console.log(`Report: ${flags.out}/evaluation.html`);
    });
}
