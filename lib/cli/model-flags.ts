import { type Command, Option } from "commander";
import { headNames, type Head } from "../contract/head";
import type { CardFact, ModelDescription } from "../local/model-description";
import { channelNumbers, imageSize, list, number, shares } from "./arguments";

/** What may be said of a model that does not say it itself: the same flags wherever a model is named. */
export interface ModelFlags extends Omit<ModelDescription, "channels" | "head"> {
  /** `explain`'s older word for --classes. */
  readonly classNames?: readonly string[];
  readonly channels?: "rgb" | "bgr" | "grey";
  readonly head?: Head;
}

export function addModelFlags(command: Command): Command {
  return command
    .option("--classes <names>", "class names in the order of the model's scores, separated by commas", list)
    .addOption(new Option("--class-names <names>", "as --classes").argParser(list).hideHelp())
    .option("--size <pixels>", "input size of a model that leaves it open: one number, or <height>x<width>", imageSize)
    .option("--mean <numbers>", "normalisation: mean of each channel, separated by commas", channelNumbers())
    .option("--std <numbers>", "normalisation: standard deviation of each channel", channelNumbers({ above: 0 }))
    .option(
      "--scale <number>",
      "normalisation: what grey levels of 0 to 255 are multiplied by first",
      number({ above: 0 }),
    )
    .addOption(new Option("--channels <order>", "the order of the input's channels").choices(["rgb", "bgr", "grey"]))
    .addOption(new Option("--layout <layout>", "where the input's channels lie").choices(["NCHW", "NHWC"]))
    .addOption(new Option("--head <head>", "what turns the scores into probabilities").choices(headNames))
    .option(
      "--thresholds <numbers>",
      "multi-label: from which probability on a class is present; one, or one each",
      shares,
    )
    .option("--input <name>", "the input that takes the image")
    .option("--output <name>", "the output that holds the scores")
    .option("--severity <names>", "classes from the least to the most severe, separated by commas", list)
    .option("--mpp <number>", "micrometres per pixel of the images the model learned from", number({ above: 0 }));
}

/** What was said, without what was left out. */
export function descriptionFrom(flags: ModelFlags): ModelDescription {
  const { size, mean, std, scale, layout, head, thresholds, input, output, severity, mpp } = flags;
  const channels = { rgb: "RGB", bgr: "BGR", grey: "grey" } as const;
  return {
    classes: flags.classes ?? flags.classNames,
    channels: flags.channels && channels[flags.channels],
    size,
    mean,
    std,
    scale,
    layout,
    head,
    thresholds,
    input,
    output,
    severity,
    mpp,
  };
}

export const saysSomething = (description: ModelDescription): boolean =>
  Object.values(description).some((value) => value !== undefined);

/** A line for each value of a card: what it is, and whether it was given, read or guessed. */
export function factLines(facts: readonly CardFact[]): string[] {
  const width = Math.max(...facts.map(({ field }) => field.length));
  return facts.map(
    ({ field, value, origin, from }) =>
      `  ${field.padEnd(width)}  ${value}  (${origin === "guessed" ? from : `${origin}: ${from}`})`,
  );
}
