import path from "node:path";
import type { Command } from "commander";
import { UserError } from "../contract/errors";
import type { ModelCardInput } from "../contract/model-card";
import { imageNetNormalisation, pixelsAsTheyAre } from "../contract/normalisation";
import { findModel } from "../local/find-model";
import type { CardFact, ModelDescription } from "../local/model-description";
import { withFileRanges } from "../checkpoints/file-ranges";
import { networkNames } from "../networks/catalogue";
import { importCheckpoint } from "../networks/import-checkpoint";
import { writeModelFolder } from "../networks/model-folder";
import { readCheckpointFile } from "../networks/read-checkpoint-file";
import { addModelFlags, descriptionFrom, factLines, type ModelFlags } from "./model-flags";

const usualSize = 224;

interface ImportFlags extends ModelFlags {
  readonly out: string;
  readonly network?: string;
}

/** `cytolens model import`: a model folder with its card and digest, from an ONNX file or from weights. */
export function defineModelImport(command: Command): void {
  command
    .argument(
      "<model>",
      "an ONNX file, or weights: .safetensors, or a PyTorch checkpoint (.pth, .pt, .ckpt); nothing in it is executed",
    )
    .description("make a model folder (model, card, digest), filled from what the file says and from the flags")
    .requiredOption("-o, --out <folder>", "the model folder to write")
    .option("--network <name>", `weights: the network they are of, one of ${networkNames.join(", ")}`);
  addModelFlags(command).action(async (file: string, flags: ImportFlags) => {
    const lines = (await holdsWeights(file)) ? await importWeights(file, flags) : await importOnnx(file, flags);
    console.log(lines.join("\n"));
  });
}

/** A zip or a pickle (PyTorch), or the header of safetensors: by content, as names mislead. */
async function holdsWeights(file: string): Promise<boolean> {
  return await withFileRanges(file, async (ranges) => {
    const start = await ranges.read(0, Math.min(ranges.size, 9));
    return (start[0] === 0x50 && start[1] === 0x4b) || start[0] === 0x80 || start[8] === 0x7b;
  });
}

async function importOnnx(file: string, flags: ImportFlags): Promise<string[]> {
  const found = await findModel(path.resolve(file), descriptionFrom(flags));
  if (!found) throw new UserError("model.not-found", `Expected an ONNX file at ${file} but nothing is there`);
  const { schemaVersion: _, sha256: __, ...description } = found.card;
  const card = await writeModelFolder(flags.out, found.bytes, description);
  return [
    `${flags.out}: ${card.classes.length} classes, sha256 ${card.sha256}`,
    ...card.limits.map((limit) => `  ${limit}`),
    ...(found.facts ? factLines(found.facts) : ["  the card beside the file was taken over as it is"]),
  ];
}

async function importWeights(file: string, flags: ImportFlags): Promise<string[]> {
  const given = descriptionFrom(flags);
  const { network } = flags;
  if (network === undefined || given.classes === undefined)
    throw new UserError(
      "network.unknown",
      `Expected --network (${networkNames.join(", ")}) and --classes for weights, which name neither, but received ${[network === undefined ? "no network" : network, given.classes ? given.classes.join(",") : "no classes"].join(" and ")}`,
    );
  refuseOfGraphs(given);
  const side = sideOf(given);
  const { tensors, notes } = await readCheckpointFile(file);
  const facts = weightFacts(network, given);
  const card = await importCheckpoint(flags.out, tensors, {
    network,
    classes: given.classes,
    size: side,
    card: weightsCard(given, side ?? usualSize, facts),
  });
  return [
    ...notes,
    `${flags.out}: ${card.network ?? network} with ${card.classes.length} classes, sha256 ${card.sha256}`,
    ...factLines(facts),
  ];
}

/** A network that is built here has its own input, output and head. */
function refuseOfGraphs(given: ModelDescription): void {
  const named = (["layout", "head", "thresholds", "input", "output"] as const).filter(
    (field) => given[field] !== undefined,
  );
  if (named.length > 0)
    throw new UserError(
      "network.options",
      `Expected weights with --classes, --size, --mean, --std, --scale, --channels, --severity or --mpp but received ${named.map((field) => `--${field}`).join(", ")}, which is for ONNX files`,
    );
}

function sideOf({ size }: ModelDescription): number | undefined {
  if (size === undefined || size.height === size.width) return size?.height;
  throw new UserError(
    "network.size",
    `Expected one --size for height and width of a network built here but received ${size.height}x${size.width}`,
  );
}

function weightFacts(network: string, given: ModelDescription): CardFact[] {
  const { mean, std, scale } = normalisationOf(given);
  return [
    { field: "network", value: network, origin: "given", from: "--network" },
    { field: "classes", value: (given.classes ?? []).join(", "), origin: "given", from: "--classes" },
    given.size
      ? { field: "size", value: `${given.size.height} pixels`, origin: "given", from: "--size" }
      : {
          field: "size",
          value: "224 pixels",
          origin: "guessed",
          from: "input size is a guess (224 pixels): say --size",
        },
    {
      field: "normalisation",
      value: `(pixel × ${Number(scale.toPrecision(6))} − ${mean.join(", ")}) / ${std.join(", ")}`,
      ...(isNormalised(given)
        ? { origin: "given", from: "--mean, --std, --scale" }
        : { origin: "guessed", from: "normalisation is a guess (ImageNet's): say --mean and --std" }),
    },
  ];
}

function normalisationOf({ mean, std, scale }: ModelDescription): { mean: number[]; std: number[]; scale: number } {
  const rest = scale === undefined || mean || std ? imageNetNormalisation : pixelsAsTheyAre;
  return {
    scale: scale ?? imageNetNormalisation.scale,
    mean: [...(mean ?? rest.mean)],
    std: [...(std ?? rest.std)],
  };
}

function weightsCard(
  given: ModelDescription,
  side: number,
  facts: readonly CardFact[],
): Partial<Omit<ModelCardInput, "classes">> {
  const guesses = facts.filter(({ origin }) => origin === "guessed").map(({ from }) => from);
  const { scale, mean, std } = normalisationOf(given);
  return {
    input: {
      height: side,
      width: side,
      ...(given.channels === undefined ? {} : { channels: given.channels }),
      ...(isNormalised(given) ? { scale, mean, std } : {}),
    },
    ...(guesses.length > 0 ? { guesses } : {}),
    ...(given.severity ? { severity: [...given.severity] } : {}),
    ...(given.mpp === undefined ? {} : { mpp: given.mpp }),
  };
}

const isNormalised = ({ mean, std, scale }: ModelDescription): boolean =>
  mean !== undefined || std !== undefined || scale !== undefined;
