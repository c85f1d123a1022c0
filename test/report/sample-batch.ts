import { createHash } from "node:crypto";
import type { BatchName, ObjectKey, RunId, Sha256, WorkId } from "../../lib/contract/names";
import { explanationKey, incomingBatchPrefix, resultKey, thumbnailKey } from "../../lib/contract/object-keys";
import type { Outcome } from "../../lib/contract/outcome";
import { result as resultDocument, type Result } from "../../lib/contract/result";
import { defaultSettings } from "../../lib/contract/settings";
import { summary as summaryDocument, type Summary } from "../../lib/contract/summary";
import { writeNpy } from "../../lib/imaging/drawing/npy";
import type { ReportSource } from "../../lib/report/report";

/** A batch as the pipeline leaves it, made up: every document passes the contract's own checks. */
export interface SampleImage {
  name: string;
  thumbnail: Uint8Array;
  failure?: { code: string; message: string };
  converged?: boolean;
  label?: string;
  warnings?: string[];
}

const sampleClasses = ["dyskeratotic", "koilocytotic", "metaplastic", "parabasal", "superficial-intermediate"];
const hex = (text: string): string => createHash("sha256").update(text).digest("hex");
const run = hex("run").slice(0, 16) as RunId;
const modelDigest = hex("model") as Sha256;
const at = "2026-11-23T17:00:00.000Z";

export function sampleBatch(
  name: string,
  images: readonly SampleImage[],
  classes: readonly string[] = sampleClasses,
): ReportSource & { outcomes: Outcome[]; results: Map<string, Result> } {
  const batch = name as BatchName;
  const files = new Map<string, Uint8Array>();
  const maps = new Map<string, () => Uint8Array>();
  const results = new Map<string, Result>();
  const outcomes = images.map((image): Outcome => {
    const key = `${incomingBatchPrefix(batch)}${image.name}` as ObjectKey;
    const work = hex(key) as WorkId;
    const label = image.label === undefined ? {} : { label: image.label };
    if (image.failure)
      return { status: "failed", work, key, finishedAt: at, seconds: 0.1, failure: image.failure, ...label };
    const one = sampleResult(batch, key, work, image, classes);
    const where = resultKey(batch, key, work);
    results.set(where, one);
    files.set(one.thumbnail, image.thumbnail);
    for (const { method, map } of one.explanations)
      maps.set(map, () => sampleMap(hex(`${key}${method}`), method === "integrated-gradients"));
    const {
      prediction: { classIndex, className, probability },
      explanations,
      warnings,
    } = one;
    return {
      status: "succeeded",
      work,
      key,
      finishedAt: at,
      seconds: 0.4,
      resultKey: where,
      classIndex,
      className,
      probability,
      warnings,
      ...label,
      explanations: explanations.map(({ method, completeness: { relative, mapChange, converged } }) => ({
        method,
        relative,
        mapChange,
        converged,
      })),
    };
  });
  return {
    outcomes,
    results,
    summary: sampleSummary(batch, outcomes, classes),
    async *rows() {
      yield* outcomes.map((outcome) => ({ outcome }));
    },
    readResult: async (key) => results.get(key),
    readBytes: async (key) => files.get(key) ?? maps.get(key)?.(),
  };
}

function sampleResult(
  batch: BatchName,
  key: ObjectKey,
  work: WorkId,
  image: SampleImage,
  classes: readonly string[],
): Result {
  const digits = hex(`${key}p`);
  const logits = classes.map((_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16) / 50);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  const probabilities = logits.map((logit) => Math.exp(logit) / sum);
  const classIndex = probabilities.indexOf(Math.max(...probabilities));
  const className = classes[classIndex]!;
  const converged = image.converged ?? true;
  const target = { classIndex, className, of: "logit" as const };
  const file = (method: string, ending: "heatmap.png" | "overlay.png" | "map.npy") =>
    explanationKey(batch, key, work, method, ending);
  return resultDocument.parse({
    schemaVersion: 1,
    work,
    run,
    createdAt: at,
    image: {
      key,
      etag: "e",
      sha256: hex("image"),
      width: 2048,
      height: 1536,
      format: "bmp",
      ...(image.label === undefined ? {} : { label: image.label }),
    },
    seen: { left: 256, top: 0, width: 1536, height: 1536 },
    model: { name: "phantom", sha256: modelDigest },
    engineVersion: "0.1.0",
    settings: defaultSettings,
    provider: "cpu",
    prediction: { classIndex, className, probability: probabilities[classIndex], logits, probabilities },
    explanations: [
      {
        method: "integrated-gradients",
        parameters: { name: "integrated-gradients" },
        target,
        heatmap: file("integrated-gradients", "heatmap.png"),
        overlay: file("integrated-gradients", "overlay.png"),
        map: file("integrated-gradients", "map.npy"),
        mapSha256: hex("map"),
        completeness: {
          delta: 0.0031,
          relative: converged ? 0.0042 : 0.21,
          mapChange: converged ? 0.031 : 0.3,
          passes: 129,
          converged,
        },
      },
      {
        method: "grad-cam",
        parameters: { name: "grad-cam" },
        target,
        heatmap: file("grad-cam", "heatmap.png"),
        overlay: file("grad-cam", "overlay.png"),
        map: file("grad-cam", "map.npy"),
        mapSha256: hex("map"),
        completeness: { delta: null, relative: null, mapChange: null, passes: 1, converged: null },
      },
    ],
    thumbnail: thumbnailKey(batch, key, work),
    timings: { total: 400 },
    attempts: 1,
    warnings: image.warnings ?? [],
  });
}

const blot = (x: number, y: number, width: number): number => Math.exp(-(x * x + y * y) / width);

/** Two blots; the signed one is grainy and has a negative blot too. */
function sampleMap(digits: string, signed: boolean): Uint8Array {
  const [ax, ay, bx, by] = [1, 2, 3, 4].map(
    (i) => 40 + (Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16) / 255) * 144,
  ) as [number, number, number, number];
  let state = Number.parseInt(digits.slice(0, 6), 16) + 1;
  const data = Float32Array.from({ length: 224 * 224 }, (_, i) => {
    const [x, y] = [i % 224, Math.floor(i / 224)];
    state = (state * 48271) % 2147483647;
    const grain = signed ? (state / 2147483647 - 0.35) * 2 : 1;
    return (
      1e-3 *
      (grain * blot(x - ax, y - ay, 900) -
        (signed ? 0.6 * Math.abs(grain) * blot(x - bx, y - by, 500) : -0.4 * blot(x - bx, y - by, 500)))
    );
  });
  return writeNpy({ shape: [224, 224], data });
}

function sampleSummary(batch: BatchName, outcomes: readonly Outcome[], classes: readonly string[]): Summary {
  const succeeded = outcomes.filter((outcome) => outcome.status === "succeeded");
  const failed = outcomes.filter((outcome) => outcome.status === "failed");
  const labelled = succeeded.filter(({ label }) => label !== undefined);
  const counts = { planned: outcomes.length, succeeded: succeeded.length, failed: failed.length, skipped: 0 };
  const matrix = classes.map((truth) =>
    classes.map(
      (predicted) => labelled.filter(({ label, className }) => label === truth && className === predicted).length,
    ),
  );
  return summaryDocument.parse({
    schemaVersion: 1,
    batch,
    status: failed.length > 0 ? "complete-with-failures" : "complete",
    createdAt: at,
    run,
    ordinal: 1,
    runs: [{ run, ordinal: 1, counts }],
    counts,
    skippedBy: {},
    classCounts: Object.fromEntries(
      classes.map((name) => [name, succeeded.filter(({ className }) => className === name).length]),
    ),
    ...(labelled.length > 0
      ? { agreement: { classes, matrix, accuracy: matrix.reduce((sum, row, i) => sum + row[i]!, 0) / labelled.length } }
      : {}),
    failures: failed.map(({ key, failure }) => ({ key, failure })),
    failuresLeftOut: 0,
    explanations: [
      {
        method: "integrated-gradients",
        count: succeeded.length,
        converged: succeeded.filter(({ explanations }) => explanations[0]!.converged).length,
        medianRelative: 0.0042,
        medianMapChange: 0.031,
      },
      { method: "grad-cam", count: succeeded.length, converged: null, medianRelative: null, medianMapChange: null },
    ],
    model: {
      name: "phantom",
      sha256: modelDigest,
      card: {
        schemaVersion: 1,
        name: "phantom",
        title: "Phantom classifier (narrow DenseNet)",
        sha256: modelDigest,
        network: "densenet121-rca",
        classes,
        input: { height: 224, width: 224 },
        data: { description: "Synthetic Pap-smear fields, drawn by this project", licence: "Apache-2.0" },
        metrics: { accuracy: 0.951 },
        evaluatedOn: "1,000 phantoms, seed 7",
        limits: ["Trained on drawings; knows nothing of real cells."],
        intendedUse: "Demonstration only. Not for clinical use.",
      },
    },
    settings: defaultSettings,
    seconds: 37.4,
    attempts: { dispatches: 1, notes: [] },
    notes: [],
  });
}
