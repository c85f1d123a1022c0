import type { ObjectKey } from "../contract/names";
import { batchSettingsKey, incomingBatchPrefix, readyMarkerKey } from "../contract/object-keys";
import type { Settings } from "../contract/settings";
import { withRetries } from "../bucket/retry";
import { systemClock } from "../bucket/clock";
import { uploadFiles, type Uploaded, type UploadFlow } from "../bucket/upload-files";
import type { ObjectStore } from "../storage/object-store";
import type { ChosenFiles } from "./choose-files";

export interface UploadOptions extends UploadFlow {
  /** Written first, so that no image can be planned without them; null leaves what is there. */
  readonly settings: Settings | null;
  /** Whether the batch is closed at the end; without, it is planned once it has been still. */
  readonly ready: boolean;
}

/** Puts files into a bucket as a batch: settings first, then images, several at a time, then _READY. What is there already, unchanged, is not sent again. */
export async function uploadBatch(
  store: ObjectStore,
  { batch, files }: ChosenFiles,
  { settings, ready, ...options }: UploadOptions,
): Promise<Uploaded> {
  if (settings)
    await write(store, batchSettingsKey(batch), `${JSON.stringify(settings, null, 2)}\n`, "application/json");
  const done = await uploadFiles(store, incomingBatchPrefix(batch), files, options);
  if (done.complete && ready) await write(store, readyMarkerKey(batch), "", "text/plain");
  return done;
}

const write = (store: ObjectStore, key: ObjectKey, body: string, contentType: string): Promise<unknown> =>
  withRetries(systemClock, () => store.write(key, body, { contentType }));
