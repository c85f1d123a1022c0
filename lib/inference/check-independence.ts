import { ModelError } from "../contract/errors";
import type { Tensor } from "../onnx/model";
import { float32Tensor } from "../onnx/tensor";
import { writeModel } from "../onnx/write-model";
import type { ClassModel } from "./class-model";
import { logitsGraphOf } from "./gradient-graph";
import { probeImages } from "./probe-images";
import { Session } from "./session";

const companions = 3;
/** A few scores may come out alike by chance. */
const repetitions = 3;
/** Of the largest score: kernels add in another order for another batch. */
const tolerance = 1e-3;

/**
 * Runs a noise image alone, again, and beside others: its scores must be the same.
 * @throws ModelError "model.random" (dropout that is on, random draws), "model.batch-dependent" (normalisation by the batch), and
 * what onnxruntime says of a model that it does not run
 */
export async function checkIndependence(source: ClassModel): Promise<void> {
  const batch = source.fixedBatch ?? companions;
  const beside = probeImages(source, batch);
  const alone = source.fixedBatch === undefined ? firstOf(beside) : repeated(beside);
  const answers = await scoresOf(source, [...Array<Tensor>(repetitions).fill(alone), beside]);
  const [one = [], ...again] = answers.slice(0, repetitions);
  const others = answers.at(-1) ?? [];
  if (again.some((scores) => differ(one, scores)))
    throw new ModelError(
      "model.random",
      "Expected the same scores for the same image but the model answered differently another time: dropout is on, or it draws at random; export it in evaluation mode",
    );
  if (differ(one, others))
    throw new ModelError(
      "model.batch-dependent",
      "Expected the same scores for an image alone and beside others but the model answered differently: it normalises by the batch; export it in evaluation mode",
    );
}

/** The scores of the first image of each batch. */
async function scoresOf(source: ClassModel, batches: readonly Tensor[]): Promise<number[][]> {
  const sessions = new Map<number, Session>();
  try {
    const rows: number[][] = [];
    for (const images of batches) {
      const [batch = 1] = images.dims;
      const session = sessions.get(batch) ?? (await Session.open(writeModel(logitsGraphOf(source, batch))));
      sessions.set(batch, session);
      const values = (await session.run({ [source.input.name]: images })).get(source.logits)?.data as Float32Array;
      rows.push([...values.subarray(0, values.length / batch)]);
    }
    return rows;
  } finally {
    for (const session of sessions.values()) await session.close();
  }
}

function differ(one: readonly number[], other: readonly number[]): boolean {
  const scale = one.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  return one.some((value, index) => Math.abs(value - (other[index] ?? NaN)) > tolerance * scale);
}

const firstOf = ({ dims: [count = 1, ...rest], data }: Tensor): Tensor =>
  float32Tensor((data as Float32Array).slice(0, data.length / count), [1, ...rest]);

function repeated({ dims, data }: Tensor): Tensor {
  const values = data as Float32Array;
  const size = values.length / (dims[0] ?? 1);
  return float32Tensor(
    values.map((_, index) => values[index % size] as number),
    dims,
  );
}
