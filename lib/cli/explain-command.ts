import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Command, Option } from "commander";
import { engineVersion } from "../contract/engine-version";
import { ImageError, UserError } from "../contract/errors";
import { baselineNames, methodNames, type MethodName } from "../contract/methods";
import type { ModelCard } from "../contract/model-card";
import type { Settings } from "../contract/settings";
import { parseSettings } from "../contract/settings";
import { cacheFolder } from "../local/local-pipeline";
import { findModel } from "../local/find-model";
import { openImageWork } from "../explaining/analyse-images";
import type { EncodedImage } from "../protocol/shard/image-work";
import { number, targetClass, wholeNumber } from "./arguments";
import { exitCodes } from "./exit-codes";
import { addModelFlags, descriptionFrom, type ModelFlags } from "./model-flags";
import { readInput } from "./read-input";

interface ExplainFlags extends ModelFlags {
  readonly method: MethodName;
  readonly out: string;
  readonly target?: Settings["target"];
  readonly of: "logit" | "probability";
  readonly layer?: string;
  readonly baseline?: string;
  readonly steps?: string;
  readonly seed?: number;
  readonly memory?: number;
  readonly provider?: "cpu" | "cuda" | "webgpu";
  readonly json?: boolean;
}

/** `cytolens explain`: one image, one picture, one JSON, with any ONNX classifier. */
export function defineExplain(command: Command): void {
  command
    .argument("<model>", 'an ONNX file with one image input, a model folder, or "default"')
    .argument("<image>", "JPEG, PNG, TIFF, WebP or BMP")
    .addOption(new Option("--method <name>", "how to explain").choices(methodNames).default("integrated-gradients"))
    .option("-o, --out <folder>", "where the picture and the JSON go", ".")
    .option("--target <class>", "explain this class (name or index) instead of the predicted one", targetClass)
    .addOption(
      new Option("--of <output>", "explain the class's logit or its probability")
        .choices(["logit", "probability"])
        .default("logit"),
    )
    .option("--layer <name>", "the feature map that Grad-CAM reads (default: the last)")
    .addOption(new Option("--baseline <name>", "integrated gradients: where the path begins").choices(baselineNames))
    .option("--steps <steps>", "integrated gradients: adaptive, study, or a number of Gauss–Legendre points")
    .option("--seed <number>", "integrated gradients: of random baselines", wholeNumber())
    .option("--memory <MiB>", "what the process may take (default 2048)", number({ above: 0 }))
    .addOption(new Option("--provider <provider>", "where the network is computed").choices(["cpu", "cuda", "webgpu"]))
    .option("--json", "print the JSON, too");
  addModelFlags(command).action(async (model: string, image: string, flags: ExplainFlags) => {
    process.exitCode = await explainImage(model, image, flags);
  });
}

async function explainImage(modelName: string, imageFile: string, flags: ExplainFlags): Promise<number> {
  const model = await findModel(modelName, descriptionFrom(flags));
  if (!model)
    throw new UserError(
      "model.not-found",
      `Expected an ONNX file, a model folder or "default" but received "${modelName}"`,
    );
  const { card } = model;
  const [settings, image] = [settingsFrom(flags), await readInput(imageFile)];
  const work = await openImageWork({ settings, model: { name: card.name, sha256: card.sha256, card } }, model.bytes, {
    provider: flags.provider ?? "cpu",
    cacheFolder: path.join(cacheFolder(), "gradients"),
    ...(flags.memory === undefined ? {} : { memoryBytes: flags.memory * 2 ** 20 }),
  });
  try {
    const started = performance.now();
    const encoded = await work.encode(await work.analyse(await work.prepare(image)));
    const seconds = (performance.now() - started) / 1000;
    const files = await writeFiles(imageFile, encoded, flags, { card, settings, provider: work.provider, seconds });
    printExplanation(encoded, files, flags, seconds, card.limits);
    // The image was classified, but what was asked for is not there; the notes say why.
    return encoded.explanations.length > 0 ? exitCodes.done : exitCodes.usage;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    process.stderr.write(`${imageFile}: ${error.message} [${error.code}]\n`);
    return exitCodes.someFailed;
  } finally {
    await work.close();
  }
}

function settingsFrom({ method, target, of, layer, baseline, steps, seed }: ExplainFlags): Settings {
  const given = {
    name: method,
    layer,
    baseline,
    steps: steps !== undefined && /^\d+$/.test(steps) ? Number(steps) : steps,
    seed,
  };
  return parseSettings(
    JSON.stringify({
      methods: [given],
      of,
      figure: true,
      target,
    }),
    "the command line",
  );
}

async function writeFiles(
  imageFile: string,
  encoded: EncodedImage,
  { out, method }: ExplainFlags,
  { card, settings, provider, seconds }: { card: ModelCard; settings: Settings; provider: string; seconds: number },
): Promise<{ readonly picture?: string; readonly json: string }> {
  const stem = path.join(out, `${path.basename(imageFile).replace(/\.[^.]+$/, "")}.${method}`);
  await mkdir(out, { recursive: true });
  const picture = encoded.figure ?? encoded.explanations[0]?.overlay;
  if (picture) await writeFile(`${stem}.png`, picture);
  const explanations = encoded.explanations.map(({ method: name, parameters, target, completeness }) => ({
    method: name,
    parameters,
    target,
    completeness,
  }));
  await writeFile(
    `${stem}.json`,
    `${JSON.stringify(
      {
        image: { file: path.basename(imageFile), ...encoded.image },
        seen: encoded.seen,
        model: { name: card.name, sha256: card.sha256, head: card.head, source: card.source },
        engineVersion,
        provider,
        settings,
        prediction: encoded.prediction,
        explanations,
        seconds,
        warnings: encoded.warnings,
        picture: picture ? path.basename(`${stem}.png`) : null,
      },
      null,
      2,
    )}\n`,
  );
  return { ...(picture ? { picture: `${stem}.png` } : {}), json: `${stem}.json` };
}

function printExplanation(
  { prediction, explanations, warnings }: EncodedImage,
  files: { picture?: string; json: string },
  { json }: ExplainFlags,
  seconds: number,
  limits: readonly string[],
): void {
  const [explained] = explanations;
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ prediction, ...(explained && { target: explained.target, completeness: explained.completeness }), warnings, seconds, ...files })}\n`,
    );
    return;
  }
  const lines = [`${prediction.className}: probability ${prediction.probability.toFixed(3)}`];
  if (prediction.present) lines.push(`present: ${prediction.present.join(", ") || "none of the classes"}`);
  if (explained) {
    const {
      method,
      target,
      completeness: { relative, mapChange, passes, converged },
    } = explained;
    const checks = [
      `${passes} pass${passes === 1 ? "" : "es"}`,
      ...(relative === null ? [] : [`adds up to ${(100 * relative).toFixed(2)} %`]),
      ...(mapChange === null ? [] : [`changed by ${(100 * mapChange).toFixed(1)} % at the last refinement`]),
      ...(converged === null ? [] : [converged ? "converged" : "NOT converged"]),
    ];
    lines.push(`${method} of the ${target.of} of ${target.className}: ${checks.join(", ")} (${seconds.toFixed(1)} s)`);
  }
  // That pixels have no known size matters for areas, which this command does not report.
  for (const warning of warnings) if (warning !== "mpp unknown") lines.push(`note: ${warning}`);
  for (const limit of limits) lines.push(`limit: ${limit}`);
  if (files.picture !== undefined) lines.push(`Picture: ${files.picture}`);
  lines.push(`Details: ${files.json}`);
  process.stdout.write(`${lines.join("\n")}\n`);
}
