import { Readable } from "node:stream";
import type { BatchName } from "../../contract/names";
import { currentKey, rejectionKey, summaryKey } from "../../contract/object-keys";
import { rejection as rejectionDocument } from "../../contract/planning";
import { current, summary as summaryDocument, type Summary } from "../../contract/summary";
import type { ObjectStore } from "../../storage/object-store";
import { batchRows } from "./batch-rows";
import { compareAndSwap } from "../../bucket/compare-and-swap";
import { readDocument, updateDocument } from "../../bucket/documents";
import { writeIfUnchanged } from "../../bucket/objects";
import type { BatchView, Pipeline, Publisher } from "../ports";
import { readPlans, readRunSummary } from "../../bucket/runs";
import { summarise, type Finished } from "./summarise";

type Publishing = Pick<Pipeline, "store" | "clock" | "publishers">;

/**
 * Writes what people open, as the union of the batch's finished runs. Each file is replaced only if no one else
 * replaced it since before the runs were read, so that what was computed earlier never covers what was computed later.
 */
export async function publishBatch({ store, clock, publishers }: Publishing, batch: BatchName): Promise<Summary> {
  const files = [...publishers, summaryPublisher];
  return compareAndSwap({ clock }, `publish batch ${batch}`, async () => {
    const before = new Map<Publisher, string | undefined>();
    for (const file of files) before.set(file, (await store.head(file.key(batch)))?.etag);
    const runs = await finishedRuns(store, batch);
    const rejected = await standingRejection(store, batch, runs);
    const plans = runs.map(({ plan }) => plan);
    const rows = (): ReturnType<typeof batchRows> => batchRows(store, plans);
    const summary = await summarise(batch, runs, rows(), clock.now(), rejected);
    if (!(await writeAll(store, { store, batch, rows, summary }, files, before))) return undefined;
    await moveCurrent({ store, clock }, batch, summary);
    return { done: summary };
  });
}

/** Whether what people open already tells of this run. */
export async function isPublished(store: ObjectStore, batch: BatchName, run: string): Promise<boolean> {
  const found = await readDocument(store, summaryKey(batch), summaryDocument);
  return found?.value.runs.some((known) => known.run === run) ?? false;
}

const summaryPublisher: Publisher = {
  key: summaryKey,
  contentType: "application/json",
  write: ({ summary }) => Readable.from([Buffer.from(`${JSON.stringify(summary, null, 2)}\n`)]),
};

async function writeAll(
  store: ObjectStore,
  view: BatchView,
  files: readonly Publisher[],
  before: ReadonlyMap<Publisher, string | undefined>,
): Promise<boolean> {
  for (const file of files) {
    const body = Readable.from(asBytes(file.write(view)));
    const written = await writeIfUnchanged(store, file.key(view.batch), before.get(file), body, file.contentType);
    if (written === undefined) return false;
  }
  return true;
}

async function* asBytes(text: Readable): AsyncGenerator<Uint8Array> {
  for await (const chunk of text) yield Buffer.from(chunk as string | Uint8Array);
}

async function finishedRuns(store: ObjectStore, batch: BatchName): Promise<Finished[]> {
  const finished: Finished[] = [];
  for (const plan of await readPlans(store, batch)) {
    const summary = await readRunSummary(store, batch, plan.run);
    if (summary) finished.push({ plan, summary });
  }
  return finished;
}

/** A rejection stands until the batch could be planned, or a run was planned after it. */
async function standingRejection(
  store: ObjectStore,
  batch: BatchName,
  runs: readonly Finished[],
): Promise<NonNullable<Summary["rejection"]> | null> {
  const found = (await readDocument(store, rejectionKey(batch), rejectionDocument))?.value;
  return found && runs.every(({ plan }) => plan.createdAt < found.at) ? found.failure : null;
}

/** Points people and programs at the newest run the summary shows; never back to an older one. */
async function moveCurrent(
  bucket: Pick<Pipeline, "store" | "clock">,
  batch: BatchName,
  { run, ordinal }: Summary,
): Promise<void> {
  if (run === null) return;
  await updateDocument(bucket, currentKey(batch), current, (before) =>
    before && before.ordinal >= ordinal ? undefined : { schemaVersion: 1, run, ordinal },
  );
}
