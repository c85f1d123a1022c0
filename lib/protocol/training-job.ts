import { createWriteStream } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline as piped } from "node:stream/promises";
import { Mutex } from "../concurrency/mutex";
import type { ObjectKey } from "../contract/names";
import { trainingDataPrefix, trainingRunPrefix } from "../contract/object-keys";
import { uploadFiles } from "../bucket/upload-files";
import { listAll, type ObjectStore } from "../storage/object-store";
import { withRetries } from "../bucket/retry";
import { systemClock } from "../bucket/clock";

export interface TrainingJob {
  readonly store: ObjectStore;
  readonly name: string;
  /** An empty folder of this machine. */
  readonly scratch: string;
  /** Trains on `data` into `out`, going on from a checkpoint found there; answers the exit code. */
  readonly train: (folders: { readonly data: string; readonly out: string }) => Promise<number>;
  readonly saveEverySeconds?: number;
}

const usualSaveSeconds = 30;
const uploadsAtOnce = 4;

/**
 * A training whose data set and whose checkpoints lie in the bucket: fetches both, trains, and puts back what changed, every half
 * minute and at the end. After a Spot reclaim the next attempt goes on from the last epoch that was put back.
 */
export async function runTrainingJob({
  store,
  name,
  scratch,
  train,
  saveEverySeconds = usualSaveSeconds,
}: TrainingJob): Promise<number> {
  const folders = { data: path.join(scratch, "data"), out: path.join(scratch, "run") };
  await fetchFolder(store, trainingDataPrefix(name), folders.data);
  await fetchFolder(store, trainingRunPrefix(name), folders.out);

  const saving = new Mutex();
  const save = (): Promise<void> => saveFolder(store, trainingRunPrefix(name), folders.out);
  // A save that fails now is made up for by the next; only the last one's failure counts.
  const timer = setInterval(() => void saving.runExclusive(save).catch(() => undefined), saveEverySeconds * 1000);
  try {
    return await train(folders);
  } finally {
    clearInterval(timer);
    await saving.runExclusive(() => withRetries(systemClock, save));
  }
}

async function fetchFolder(store: ObjectStore, prefix: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for await (const { key } of listAll(store, prefix)) {
    const inside = key.slice(prefix.length);
    // A key is no path: whoever wrote it may have meant another folder.
    if (
      inside === "" ||
      inside.endsWith("/") ||
      inside.split("/").some((part) => part === ".." || part === "." || part === "")
    )
      continue;
    const file = path.join(folder, inside);
    await mkdir(path.dirname(file), { recursive: true });
    await withRetries(systemClock, async () => {
      const { body } = await store.readStream(key as ObjectKey);
      await piped(body, createWriteStream(file));
    });
  }
}

async function saveFolder(store: ObjectStore, prefix: string, folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  const files: { from: string; to: string }[] = [];
  for (const name of names) {
    const from = path.join(folder, name);
    const found = await stat(from).catch(() => undefined);
    // What is being written has a name of its own until it is whole.
    if (found?.isFile() && !name.endsWith(".part")) files.push({ from, to: name.split(path.sep).join("/") });
  }
  await uploadFiles(store, prefix, files, { parallel: uploadsAtOnce });
}
