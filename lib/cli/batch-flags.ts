import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { UserError } from "../contract/errors";
import { methodNames } from "../contract/methods";
import { parseSettings, type Settings } from "../contract/settings";
import { methodList, targetClass, wholeNumber } from "./arguments";

/** Flags that say how a batch is to be worked on; those left out leave batch.json or the defaults as they are. */
export interface BatchFlags {
  readonly settings?: string;
  readonly methods?: readonly string[];
  readonly target?: Settings["target"];
  readonly of?: "logit" | "probability";
  readonly labels?: "none" | "folders";
  readonly mask?: "none" | "otsu";
  readonly tileSize?: number;
  readonly figure?: boolean;
}

export function addBatchFlags(command: Command): Command {
  return command
    .option("--settings <file>", "a batch.json with settings; the flags below override it")
    .option("--methods <names>", `explanations, separated by commas: ${methodNames.join(", ")}`, methodList)
    .option("--target <class>", "explain this class (name or index) instead of the predicted one", targetClass)
    .addOption(
      new Option("--of <output>", "explain the class's logit or its probability").choices(["logit", "probability"]),
    )
    .addOption(new Option("--labels <source>", "take true classes from folder names").choices(["none", "folders"]))
    .addOption(new Option("--mask <mask>", "black out the background as the study did").choices(["none", "otsu"]))
    .option("--tile-size <pixels>", "work on larger images tile by tile", wholeNumber({ from: 1 }))
    .option("--figure", "add the study's 2 × 3 figure for every image");
}

/** The settings to put into the batch. Throws a UserError that names the field. */
export async function settingsFrom(flags: BatchFlags, model: string): Promise<Settings> {
  const { settings: file, target, methods, of, labels, mask, tileSize, figure } = flags;
  const fromFile: unknown = file === undefined ? {} : parseSettings(await readBytes(file), file);
  const chosen = {
    ...(fromFile as object),
    model,
    ...(methods ? { methods } : {}),
    ...(of ? { of } : {}),
    ...(labels ? { labels } : {}),
    ...(mask ? { mask } : {}),
    ...(tileSize === undefined ? {} : { tileSize }),
    ...(figure ? { figure } : {}),
    ...(target === undefined ? {} : { target }),
  };
  return parseSettings(JSON.stringify(chosen), "the command line");
}

async function readBytes(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: unknown) => {
    throw new UserError("settings.not-found", `Expected settings at ${file} but they cannot be read`, { cause });
  });
}
