import { type Command, Option } from "commander";
import { UserError } from "../contract/errors";
import { studyNetworks, studyVariants, type StudyNetwork, type StudyVariant } from "../study/study-table";
import { runStudy, studyPresets, type StudyPreset } from "../study/run-study";
import { wholeNumber } from "./arguments";

interface StudyFlags {
  out: string;
  phantom?: boolean;
  preset: StudyPreset;
  smear?: string;
  networks?: StudyNetwork[];
  variants?: StudyVariant[];
  epochs?: number;
  size?: number;
  phantoms?: number;
  seed: number;
  threads?: number;
  json?: boolean;
}

/** `cytolens study`: the study's experiments and their table. */
export function defineStudy(command: Command): void {
  command
    .argument("[data]", "SIPaKMeD as it is distributed")
    .option("--phantom", "draw phantoms and use them in place of SIPaKMeD")
    .addOption(
      new Option("--preset <name>", "quick: narrow networks on small images; paper: the study's own")
        .choices([...studyPresets])
        .default("quick"),
    )
    .option("--smear <folder>", "another set of class folders for the generalisation run")
    .addOption(new Option("--networks <names...>", "some of the networks only").choices([...studyNetworks]))
    .addOption(new Option("--variants <names...>", "some of the image sets only").choices([...studyVariants]))
    .option("-o, --out <folder>", "folder for models, study.json and study.html", "study")
    .option("--epochs <number>", "in place of the preset's", wholeNumber())
    .option("--size <pixels>", "in place of the preset's", wholeNumber())
    .option("--phantoms <number>", "phantoms of each class, in place of the preset's", wholeNumber())
    .option("--seed <number>", "of everything random", wholeNumber(), 1)
    .option("--threads <number>", "of the computation (default: all cores)", wholeNumber({ from: 1 }))
    .option("--json", "print the results as JSON")
    .action(async (data: string | undefined, flags: StudyFlags) => {
      if ((data === undefined) !== (flags.phantom ?? false))
        throw new UserError(
          "study.data",
          "Expected either a SIPaKMeD folder or --phantom but received " + (data === undefined ? "neither" : "both"),
        );
      const report = await runStudy({
        data,
        smear: flags.smear,
        preset: flags.preset,
        out: flags.out,
        seed: flags.seed,
        epochs: flags.epochs,
        size: flags.size,
        phantomsPerClass: flags.phantoms,
        networks: flags.networks,
        variants: flags.variants,
        threads: flags.threads,
        say: (line) => process.stderr.write(`${line}\n`),
      });
      console.log(
        flags.json
          ? JSON.stringify(report)
          : `${report.phantom ? "PHANTOMS, not the paper's data. " : ""}Results: ${flags.out}/study.html`,
      );
    });
}
