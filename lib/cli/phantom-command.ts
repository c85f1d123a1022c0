import { type Command, Option } from "commander";
import { phantomClasses } from "../phantom/cell";
import { phantomClassesNamed, writePhantoms } from "../phantom/write-phantoms";
import { wholeNumber } from "./arguments";

interface PhantomFlags {
  out: string;
  count: number;
  classes: string[];
  kind: "fields" | "cells";
  size: number;
  seed: number;
  json?: boolean;
}

/** `cytolens phantom`: synthetic smears with their ground truth, in class folders. */
export function definePhantom(command: Command): void {
  command
    .requiredOption("-o, --out <folder>", "folder for images/ and truth/")
    .option("-n, --count <number>", "images of each class", wholeNumber(), 8)
    .option("--classes <names...>", "classes to draw", [...phantomClasses])
    .addOption(
      new Option("--kind <kind>", "whole fields, or isolated cells").choices(["fields", "cells"]).default("fields"),
    )
    .option("--size <pixels>", "width and height", wholeNumber(), 512)
    .option("--seed <number>", "the same seed draws the same images", wholeNumber(), 1)
    .option("--json", "print a JSON summary")
    .action(async (flags: PhantomFlags) => {
      const classes = phantomClassesNamed(flags.classes);
      const images = await writePhantoms({
        folder: flags.out,
        kind: flags.kind,
        classes,
        countPerClass: flags.count,
        size: flags.size,
        seed: flags.seed,
      });
      console.log(
        flags.json
          ? JSON.stringify({ images, classes, folder: flags.out, kind: flags.kind, size: flags.size, seed: flags.seed })
          : `Drew ${images} ${flags.kind} of ${classes.length} classes: ${flags.out}/images, ground truth in ${flags.out}/truth`,
      );
    });
}
