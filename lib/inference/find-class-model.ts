import { ModelError } from "../contract/errors";
import type { Head } from "../contract/head";
import type { Model } from "../onnx/model";
import { writeModel } from "../onnx/write-model";
import { classModelOf, type ClassModel, type ClassModelOptions } from "./class-model";
import { logitsGraphOf } from "./gradient-graph";
import { probeImages } from "./probe-images";
import { Session } from "./session";

const probes = 6;
/** Half precision has three digits. */
const sumTolerance = 2e-3;

/**
 * A classifier with its head. Where the graph does not tell what the scores are, a few seeded noise images are run through it:
 * rows that are never negative and sum to 1 are probabilities.
 * @throws as `classModelOf`; ModelError "model.head" where the scores could be several things
 */
export async function findClassModel(model: Model, options: ClassModelOptions = {}): Promise<ClassModel> {
  const found = classModelOf(model, options);
  if (!found.undecided) return found;
  const rows = await rawScores(found);
  const head = headOfRows(rows, found);
  const decided = classModelOf(model, { ...options, head });
  return { ...decided, undecided: false, says: `${decided.says} (so ${probes} probe images showed)` };
}

async function rawScores(source: ClassModel): Promise<Float32Array[]> {
  const batch = source.fixedBatch ?? 1;
  const session = await Session.open(writeModel(logitsGraphOf(source, batch)));
  try {
    const rows: Float32Array[] = [];
    while (rows.length < probes) {
      const outputs = await session.run({ [source.input.name]: probeImages(source, batch, rows.length) });
      const values = outputs.get(source.logits)?.data as Float32Array;
      const width = values.length / batch;
      for (let row = 0; row < batch; row++) rows.push(values.slice(row * width, (row + 1) * width));
    }
    return rows;
  } finally {
    await session.close();
  }
}

function headOfRows(rows: readonly Float32Array[], { output, withinUnit }: ClassModel): Head {
  const columns = rows[0]?.length ?? 0;
  const seemsProbability = rows.every((row) => row.every((value) => value >= -1e-6 && value <= 1 + sumTolerance));
  if (!seemsProbability) return columns === 1 ? "sigmoid" : "softmax";
  if (columns > 1) {
    const sumsToOne = rows.every((row) => Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < sumTolerance);
    if (sumsToOne) return "probabilities";
    if (withinUnit) return "multi-label";
  }
  throw new ModelError(
    "model.head",
    columns === 1
      ? `Expected to see whether output "${output}" holds a logit or a probability but on ${rows.length} probe images it lay from 0 to 1; say it: --head sigmoid (a logit) or --head probabilities`
      : `Expected to see what the scores in output "${output}" are but on ${rows.length} probe images they lay from 0 to 1 and did not sum to 1; say it: --head softmax (logits of which one is right) or --head multi-label (logits, each for itself)`,
  );
}
