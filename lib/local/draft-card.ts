import path from "node:path";
import { sha256Of } from "../contract/digests";
import { ModelError } from "../contract/errors";
import type { ModelCard, ModelCardInput } from "../contract/model-card";
import { currentSchemaVersion } from "../contract/names";
import { imageNetNormalisation, pixelsAsTheyAre, type Normalisation } from "../contract/normalisation";
import { parseCard } from "../contract/parse-card";
import { checkIndependence } from "../inference/check-independence";
import { usualClassNames, type ClassModel } from "../inference/class-model";
import { findClassModel } from "../inference/find-class-model";
import { isFloat } from "../onnx/data-types";
import type { Model } from "../onnx/model";
import { readModel } from "../onnx/read-model";
import type { CardFact, ModelDescription } from "./model-description";
import { describedByMetadata, type FileDescription } from "./model-metadata";

export interface CardDraft {
  readonly card: ModelCard;
  /** Each value of the card with where it comes from. */
  readonly facts: readonly CardFact[];
}

/**
 * The card of an ONNX classifier that has none: what is given comes first, then what the file says of itself and its graph shows;
 * the rest is guessed, and the card says so. The model is run on noise images to see that it answers for each image alone.
 * @param file the model's name, for the card's
 * @throws ModelError "model.…" for a model that cannot be used as a classifier
 */
export async function draftCard(file: string, bytes: Uint8Array, given: ModelDescription): Promise<CardDraft> {
  const model = readModel(bytes);
  const read = describedByMetadata(model.metadata);
  if (read.task !== undefined && read.task !== "classify")
    throw new ModelError(
      "model.not-scores",
      `Expected a classifier but the metadata of ${file} say that its task is ${JSON.stringify(read.task)}`,
    );
  const source = await findClassModel(model, { ...given, size: given.size ?? read.said.size });
  await checkIndependence(source);
  const facts = [
    ...classFacts(source, given, read),
    sizeFact(model, source, given, read),
    ...inputFacts(source, given, read),
  ];
  const name = nameOf(file);
  const [classes, normalisation] = [classesOf(source, given, read), normalisationOf(source, given, read)];
  const card: Omit<ModelCardInput, "input"> & { input: object } = {
    schemaVersion: currentSchemaVersion,
    name,
    title: name,
    sha256: sha256Of(bytes),
    classes: [...classes],
    input: {
      name: source.input.name,
      height: source.input.height,
      width: source.input.width,
      layout: source.input.layout,
      channels: channelsOf(source, given, read),
      ...normalisation,
    },
    output: source.output,
    head: source.head,
    ...(given.thresholds ? { thresholds: [...given.thresholds] } : {}),
    ...(given.severity ? { severity: [...given.severity] } : {}),
    ...(given.mpp === undefined ? {} : { mpp: given.mpp }),
    ...guessesOf(facts),
    data: { description: "Not recorded: the model came without a card." },
    limits: limitsOf(model, source),
  };
  return { card: parseCard(card, `the card of ${file}`), facts };
}

function classesOf(source: ClassModel, given: ModelDescription, read: FileDescription): readonly string[] {
  const names = given.classes ?? matchingNames(source, read);
  if (source.classes === undefined) {
    if (names) return names;
    throw new ModelError(
      "model.classes",
      `Expected output "${source.output}" to have a fixed number of scores but the graph does not tell it; name the classes (--classes)`,
    );
  }
  if (names && names.length !== source.classes)
    throw new ModelError(
      "model.classes",
      `Expected ${source.classes} class names for --classes, ${source.oneScore ? "of the negative and the positive class of the one score" : "one for each score"} in output "${source.output}", but received ${names.length}`,
    );
  return names ?? usualClassNames(source, source.classes);
}

/** Metadata may speak of other classes than the output has: then they are no names. */
function matchingNames({ classes }: ClassModel, { said }: FileDescription): readonly string[] | undefined {
  return classes === undefined || said.classes?.length === classes ? said.classes : undefined;
}

function classFacts(source: ClassModel, given: ModelDescription, read: FileDescription): CardFact[] {
  const value = classesOf(source, given, read).join(", ");
  const names = matchingNames(source, read);
  return [
    given.classes
      ? { field: "classes", value, origin: "given", from: "--classes" }
      : names
        ? { field: "classes", value, origin: "read", from: read.from.classes ?? "metadata" }
        : {
            field: "classes",
            value,
            origin: "guessed",
            from: `class names are a guess (${source.oneScore ? "negative, positive" : "numbers"}): say --classes`,
          },
    given.head
      ? { field: "head", value: source.head, origin: "given", from: "--head" }
      : { field: "head", value: source.head, origin: "read", from: source.says },
  ];
}

function sizeFact(model: Model, { input }: ClassModel, given: ModelDescription, read: FileDescription): CardFact {
  const shape = model.graph.inputs.find(({ name }) => name === input.name)?.shape ?? [];
  const [height, width] = input.layout === "NCHW" ? [shape[2], shape[3]] : [shape[1], shape[2]];
  const fact = { field: "size", value: `${input.height} × ${input.width} pixels` };
  if (typeof height === "number" && typeof width === "number") return { ...fact, origin: "read", from: "the graph" };
  if (given.size) return { ...fact, origin: "given", from: "--size" };
  if (read.said.size) return { ...fact, origin: "read", from: read.from.size ?? "metadata" };
  return { ...fact, origin: "guessed", from: `input size is a guess (${input.height} pixels): say --size` };
}

function channelsOf(
  { input }: ClassModel,
  given: ModelDescription,
  { said }: FileDescription,
): ModelCard["input"]["channels"] {
  return given.channels ?? said.channels ?? (input.channels === 1 ? "grey" : "RGB");
}

function normalisationOf({ imageType }: ClassModel, given: ModelDescription, { said }: FileDescription): Normalisation {
  if (!isFloat(imageType)) return pixelsAsTheyAre;
  const { mean, std, scale } = { ...said, ...withoutUndefined(given) };
  // Whoever gives a scale alone means pixels × scale and nothing else.
  const rest = scale === undefined || mean || std ? imageNetNormalisation : pixelsAsTheyAre;
  return { scale: scale ?? imageNetNormalisation.scale, mean: mean ?? rest.mean, std: std ?? rest.std };
}

function inputFacts(source: ClassModel, given: ModelDescription, read: FileDescription): CardFact[] {
  const { input, imageType } = source;
  const { scale, mean, std } = normalisationOf(source, given, read);
  const normalisation = {
    field: "normalisation",
    value: `(pixel × ${Number(scale.toPrecision(6))} − ${mean.join(", ")}) / ${std.join(", ")}`,
  };
  const channels = { field: "channels", value: channelsOf(source, given, read) };
  return [
    { field: "input", value: `${input.name} (${imageType})`, ...originOf(given.input, "--input") },
    { field: "output", value: source.output, ...originOf(given.output, "--output") },
    { field: "layout", value: input.layout, ...originOf(given.layout, "--layout") },
    given.channels
      ? { ...channels, origin: "given", from: "--channels" }
      : read.said.channels
        ? { ...channels, origin: "read", from: read.from.channels ?? "metadata" }
        : input.channels === 1
          ? { ...channels, origin: "read", from: "the graph" }
          : { ...channels, origin: "guessed", from: "order of channels is a guess: say --channels if it is another" },
    !isFloat(imageType)
      ? { ...normalisation, origin: "read", from: `the input's type: whole pixels go in as they are` }
      : given.mean || given.std || given.scale !== undefined
        ? { ...normalisation, origin: "given", from: "--mean, --std, --scale" }
        : read.said.mean || read.said.std || read.said.scale !== undefined
          ? { ...normalisation, origin: "read", from: read.from.mean ?? read.from.std ?? read.from.scale ?? "metadata" }
          : {
              ...normalisation,
              origin: "guessed",
              from: "normalisation is a guess (ImageNet's): say --mean and --std",
            },
  ];
}

function originOf(given: unknown, flag: string): Pick<CardFact, "origin" | "from"> {
  return given === undefined ? { origin: "read", from: "the graph" } : { origin: "given", from: flag };
}

/** Guesses that change answers; the order of channels is a convention that nearly all keep to. */
function guessesOf(facts: readonly CardFact[]): Pick<ModelCardInput, "guesses"> {
  const guesses = facts
    .filter(({ origin, field }) => origin === "guessed" && field !== "channels")
    .map(({ from }) => from);
  return guesses.length > 0 ? { guesses } : {};
}

function limitsOf({ graph }: Model, { imageType, input }: ClassModel): string[] {
  const isHalf = [...graph.initializers.values()].some(({ dataType }) => /^b?float16$/.test(dataType));
  return [
    ...(isFloat(imageType)
      ? []
      : [
          `Its input "${input.name}" takes whole pixels (${imageType}): gradients are those of the value behind the cast.`,
        ]),
    ...(isHalf ? ["Its half-precision weights are computed in float32."] : []),
  ];
}

function nameOf(file: string): string {
  return (
    path
      .basename(file)
      .replace(/\.onnx$/i, "")
      .replace(/[^A-Za-z0-9._-]+/g, "-")
      .replace(/^[^A-Za-z0-9]+/, "")
      .slice(0, 100) || "model"
  );
}

function withoutUndefined(description: ModelDescription): ModelDescription {
  return Object.fromEntries(Object.entries(description).filter(([, value]) => value !== undefined));
}
