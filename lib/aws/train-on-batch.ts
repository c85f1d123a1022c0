import { stat } from "node:fs/promises";
import { readDocument } from "../bucket/documents";
import { uploadFiles, type FileToUpload, type UploadFlow } from "../bucket/upload-files";
import { deployment as deploymentDocument } from "../contract/deployment";
import { UserError } from "../contract/errors";
import { deploymentKey, trainingDataPrefix } from "../contract/object-keys";
import type { ObjectStore } from "../storage/object-store";
import { submitTraining } from "./submit-training";

export interface TrainingOrder {
  /** A folder in the bucket, and part of the job's name. */
  readonly name: string;
  /** The data set. */
  readonly files: readonly FileToUpload[];
  /** Words for `cytolens train` there, beside the folders of data and model. */
  readonly flags: readonly string[];
}

/**
 * Uploads a data set and puts its training into the queue of the stack that owns the bucket; the model appears in the bucket.
 * @throws UserError "train.no-deployment" when no stack has written there, "train.too-large" when the data set does not fit a
 * training job, and that of `submitTraining`
 */
export async function trainOnBatch(
  store: ObjectStore,
  { name, files, flags }: TrainingOrder,
  flow: UploadFlow,
  submit: typeof submitTraining = submitTraining,
): Promise<{ readonly jobId: string }> {
  const found = await readDocument(store, deploymentKey, deploymentDocument);
  if (!found)
    throw new UserError(
      "train.no-deployment",
      `Expected ${deploymentKey} in ${store.description}, which a deploy of the stack writes, but found none`,
    );
  const room = (found.value.training?.roomMiB ?? Infinity) * 2 ** 20;
  const bytes = await bytesOf(files);
  if (bytes > room) {
    throw new UserError(
      "train.too-large",
      `Expected at most ${Math.floor(room / 2 ** 20)} MiB of images but received ${Math.ceil(bytes / 2 ** 20)}: raise compute.jobMemoryMiB, half of which is a training's room`,
    );
  }
  await uploadFiles(store, trainingDataPrefix(name), files, flow);
  return submit(found.value, name, flags);
}

async function bytesOf(files: readonly FileToUpload[]): Promise<number> {
  let bytes = 0;
  for (const { from } of files) bytes += (await stat(from)).size;
  return bytes;
}
