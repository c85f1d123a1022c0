import { stat } from "node:fs/promises";
import { systemClock } from "../bucket/clock";
import { createDocument, readDocument, replaceDocument, updateDocument } from "../bucket/documents";
import { uploadFiles, type FileToUpload, type UploadFlow } from "../bucket/upload-files";
import { deployment as deploymentDocument, trainingClaim, type TrainingClaim } from "../contract/deployment";
import { UserError } from "../contract/errors";
import { deploymentKey, trainingClaimKey, trainingDataPrefix } from "../contract/object-keys";
import type { JobQueue } from "../protocol/ports";
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
 * training job, "train.running" when one of that name has not ended, and that of `submitTraining`
 */
export async function trainOnBatch(
  store: ObjectStore,
  { name, files, flags }: TrainingOrder,
  flow: UploadFlow,
  jobs?: Pick<JobQueue, "describe">,
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
      `Expected at most ${Math.floor(room / 2 ** 20)} MiB of images but received ${Math.ceil(bytes / 2 ** 20)}: raise compute.diskGiB, half of which is a training's room`,
    );
  }
  await claim(store, name, jobs);
  await uploadFiles(store, trainingDataPrefix(name), files, flow);
  const job = await submit(found.value, name, flags);
  await updateDocument(
    { store, clock: systemClock },
    trainingClaimKey(name),
    trainingClaim,
    (before) => before && { ...before, ...job },
  );
  return job;
}

/** Two trainings under one name would write over each other's checkpoints: the second waits for the first to have ended. */
async function claim(store: ObjectStore, name: string, jobs: Pick<JobQueue, "describe"> | undefined): Promise<void> {
  const mine = { schemaVersion: 1, submittedAt: systemClock.now().toISOString(), jobId: null };
  const found = await readDocument(store, trainingClaimKey(name), trainingClaim);
  const isMine = found
    ? !(await isLive(found.value, jobs)) && (await replaceDocument(store, trainingClaimKey(name), found.etag, mine))
    : await createDocument(store, trainingClaimKey(name), mine);
  if (!isMine)
    throw new UserError(
      "train.running",
      `Expected a training that is not running but ${name} was submitted ${found?.value.submittedAt ?? "by someone else just now"} and has not ended: wait for it, terminate its job, or choose another name with --out`,
    );
}

/** A claim whose submitter died is worth nothing after a while. */
const submissionMilliseconds = 60 * 60 * 1000;

async function isLive(
  { jobId, submittedAt }: TrainingClaim,
  jobs: Pick<JobQueue, "describe"> | undefined,
): Promise<boolean> {
  if (jobId === null) return systemClock.now().getTime() - Date.parse(submittedAt) < submissionMilliseconds;
  const state = (await jobs?.describe(jobId))?.state;
  return state === "waiting" || state === "running";
}

async function bytesOf(files: readonly FileToUpload[]): Promise<number> {
  let bytes = 0;
  for (const { from } of files) bytes += (await stat(from)).size;
  return bytes;
}
