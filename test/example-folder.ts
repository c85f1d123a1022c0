import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { encodePng } from "../lib/imaging/drawing/overlay";
import { networkNamed } from "../lib/networks/catalogue";
import { initializeWeights } from "../lib/networks/initialize";
import { writeModel } from "../lib/onnx/write-model";
import { phantomField } from "../lib/phantom/phantom";
import { projectRoot } from "./reference";

export interface ExampleFolder {
  /** Holds model.onnx of three classes and cell.png, and what the README's example finds in a clone. */
  readonly folder: string;
  /** Lies within the package, so that "cytolens" is this very package by its own exports. */
  readonly programs: string;
  remove(): void;
}

/** Where documented programs run. */
export async function exampleFolder(name: string): Promise<ExampleFolder> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "cytolens-examples-"));
  const programs = path.join(projectRoot, "dist", "test", name);
  mkdirSync(programs, { recursive: true });
  const network = networkNamed("densenet121-mini", { classes: 3, size: 64 });
  writeFileSync(path.join(folder, "model.onnx"), writeModel(network.build(initializeWeights(network, 1))));
  writeFileSync(
    path.join(folder, "cell.png"),
    await encodePng(phantomField({ className: "Parabasal", seed: 1, index: 0, size: 128 })),
  );
  const smears = path.join(folder, "smears/images/Koilocytotic");
  mkdirSync(smears, { recursive: true });
  writeFileSync(
    path.join(smears, "koilocytotic-0000.png"),
    await encodePng(phantomField({ className: "Koilocytotic", seed: 1, index: 0, size: 256 })),
  );
  symlinkSync(path.join(projectRoot, "models"), path.join(folder, "models"), "junction");
  return {
    folder,
    programs,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
      rmSync(programs, { recursive: true, force: true });
    },
  };
}
