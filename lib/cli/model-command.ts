import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { flatOperators, refusedOperators } from "../autodiff/without-gradient";
import { gradientRules } from "../autodiff/registry";
import type { ClassModelOptions } from "../inference/class-model";
import { findClassModel } from "../inference/find-class-model";
import { featureLayerOf } from "../inference/feature-layer";
import { CytolensError, UserError } from "../contract/errors";
import { sha256Of } from "../contract/digests";
import type { Head } from "../contract/head";
import type { ModelCard } from "../contract/model-card";
import type { ModelDescription } from "../local/model-description";
import { shippedModel } from "../local/find-model";
import { cardFileName, modelFileName, readModelFolder, readModelWithCard } from "../networks/model-folder";
import type { Model, ValueInfo } from "../onnx/model";
import { readModel } from "../onnx/read-model";
import { elementCount } from "../onnx/tensor";
import { addModelFlags, descriptionFrom, type ModelFlags } from "./model-flags";
import { defineModelImport } from "./model-import-command";
import { defineModelPublish } from "./model-publish-command";
import { valueText } from "./value-text";

/** `cytolens model inspect | import | list | publish`. */
export function defineModel(model: Command): void {
  addModelFlags(model.command("inspect"))
    .argument("<model>", 'an ONNX file, a model folder, or "default"')
    .option("--json", "print JSON")
    .description("what goes in and out, what its scores are, whether it can be differentiated, and its card")
    .action(async (source: string, flags: ModelFlags & { json?: boolean }) => {
      const found = await inspect(source, descriptionFrom(flags));
      console.log(flags.json ? JSON.stringify(found, null, 2) : inspectionText(found));
    });
  defineModelImport(model.command("import"));
  model
    .command("list")
    .argument("[folder]", "a folder of model folders", path.join(__dirname, "..", "..", "..", "models"))
    .description("models in a folder (default: those that come with cytolens)")
    .option("--json", "print JSON")
    .action(async (folder: string, { json }: { json?: boolean }) => {
      const cards = await listModels(folder);
      console.log(
        json
          ? JSON.stringify(cards, null, 2)
          : cards
              .map(
                (card) =>
                  `${card.name}  ${card.title}  (${card.classes.length} classes, sha256 ${card.sha256.slice(0, 12)}…)`,
              )
              .join("\n") || `no models in ${folder}`,
      );
    });
  defineModelPublish(model.command("publish"));
}

interface Inspection {
  readonly file: string;
  readonly sha256: string;
  readonly opsets: Record<string, number>;
  readonly parameters: number;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly operators: Record<string, number>;
  readonly withoutGradient: readonly { readonly operator: string; readonly reason: string }[];
  /** How it reads as an image classifier, or why it does not. */
  readonly classifier:
    | {
        readonly input: string;
        readonly output: string;
        readonly logits: string;
        readonly head: Head;
        /** What the head is, and how that is known. */
        readonly headSays: string;
        readonly classes: number | null;
        readonly featureLayer: string | null;
      }
    | { readonly reason: string };
  readonly card: ModelCard | null;
}

async function inspect(asked: string, given: ModelDescription): Promise<Inspection> {
  const source = asked === "default" ? shippedModel : asked;
  const isFolder = await stat(source).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const { bytes, card = null } = isFolder ? await readModelFolder(source) : await readModelWithCard(source);
  const model = readModel(bytes);
  const operators: Record<string, number> = {};
  for (const { operator } of model.graph.nodes) operators[operator] = (operators[operator] ?? 0) + 1;
  return {
    file: source,
    sha256: sha256Of(bytes),
    opsets: Object.fromEntries([...model.opsets].map(([domain, version]) => [domain || "ai.onnx", version])),
    parameters: [...model.graph.initializers.values()].reduce((sum, { dims }) => sum + elementCount(dims), 0),
    inputs: model.graph.inputs,
    outputs: model.graph.outputs,
    operators,
    withoutGradient: withoutGradient(Object.keys(operators)),
    classifier: await asClassifier(model, {
      input: given.input ?? card?.input.name,
      output: given.output ?? card?.output,
      layout: given.layout ?? card?.input.layout,
      size: given.size ?? card?.input,
      head: given.head ?? card?.head,
    }),
    card,
  };
}

function withoutGradient(operators: readonly string[]): Inspection["withoutGradient"] {
  return operators.flatMap((operator) => {
    const reason = refusedOperators.get(operator) ?? (flatOperators.has(operator) ? "its gradient is zero" : undefined);
    if (reason) return [{ operator, reason }];
    return Object.hasOwn(gradientRules, operator) || valueOperators.has(operator)
      ? []
      : [{ operator, reason: "no rule, unless newer or older operators express it" }];
  });
}

/** Operators on shapes and constants, which no gradient passes. */
const valueOperators = new Set(["Constant", "ConstantOfShape", "Shape", "Size", "Range"]);

async function asClassifier(model: Model, options: ClassModelOptions): Promise<Inspection["classifier"]> {
  try {
    const source = await findClassModel(model, options);
    const layer = featureLayer(() => featureLayerOf(source).name);
    const { input, output, logits, head, says, classes = null } = source;
    return { input: input.name, output, logits, head, headSays: says, classes, featureLayer: layer };
  } catch (error) {
    if (error instanceof CytolensError) return { reason: error.message };
    throw error;
  }
}

function featureLayer(find: () => string): string | null {
  try {
    return find();
  } catch (error) {
    if (error instanceof CytolensError) return null;
    throw error;
  }
}

function inspectionText({
  file,
  sha256,
  opsets,
  parameters,
  inputs,
  outputs,
  operators,
  withoutGradient: without,
  classifier,
  card,
}: Inspection): string {
  return [
    `${file}`,
    `  sha256      ${sha256}`,
    `  opset       ${Object.entries(opsets)
      .map(([domain, version]) => `${domain} ${version}`)
      .join(", ")}`,
    `  parameters  ${parameters.toLocaleString("en")}`,
    ...inputs.map((info) => `  input       ${valueText(info)}`),
    ...outputs.map((info) => `  output      ${valueText(info)}`),
    `  operators   ${Object.entries(operators)
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")}`,
    ...(without.length > 0
      ? without.map(({ operator, reason }) => `  no gradient ${operator}: ${reason}`)
      : ["  gradients   every operator has one"]),
    ...("reason" in classifier
      ? [`  classifier  no: ${classifier.reason}`]
      : [
          `  classifier  of ${classifier.classes ?? "an unknown number of"} classes; Grad-CAM reads ${classifier.featureLayer ?? "nothing: there is no feature map"}`,
          `  head        ${classifier.head}: ${classifier.headSays}`,
        ]),
    ...(card
      ? [`  card        ${card.title}`, `  classes     ${card.classes.join(", ")}`, `  use         ${card.intendedUse}`]
      : ["  card        none"]),
  ].join("\n");
}

async function listModels(folder: string): Promise<ModelCard[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new UserError("model.not-found", `Expected a folder of models at ${folder} but it cannot be read`, { cause });
  });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(folder, entry.name));
  const complete = folders.filter(
    (one) => existsSync(path.join(one, modelFileName)) && existsSync(path.join(one, cardFileName)),
  );
  return await Promise.all(complete.map(async (one) => (await readModelFolder(one)).card));
}
