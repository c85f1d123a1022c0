import { Readable } from "node:stream";
import { TransientError } from "../../contract/errors";
import type { BatchName } from "../../contract/names";
import { currentKey, rejectionKey, summaryKey } from "../../contract/object-keys";
import { rejection as rejectionDocument } from "../../contract/planning";
import { current, summary as summaryDocument, type Summary } from "../../contract/summary";
import {
  ObjectNotFoundError,
  PreconditionFailedError,
  type ObjectStore,
  type WriteOptions,
} from "../../storage/object-store";
import { batchRows } from "./batch-rows";
import { readDocument, updateDocument } from "../../bucket/documents";
import type { BatchView, Pipeline, Publisher } from "../ports";
import { readPlans, readRunSummary } from "../../bucket/runs";
import { summarise, type Finished } from "./summarise";

const patience = 10;

type Publishing = Pick<Pipeline, "store" | "clock" | "publishers">;

/**
 * Writes what people open, as the union of the batch's finished runs. Each file is replaced only if no one else
 * replaced it since before the runs were read, so that what was computed earlier never covers what was computed later.
 */
export async function publishBatch({ store, clock, publishers }: Publishing, batch: BatchName): Promise<Summary> {
  for (let tried = 0; tried < patience; tried++) {
    const files = [...publishers, summaryPublisher];
    const before = new Map<Publisher, string | undefined>();
    for (const file of files) before.set(file, (await store.head(file.key(batch)))?.etag);
    const runs = await finishedRuns(store, batch);
    const rejected = await standingRejection(store, batch, runs);
    const rows = (): ReturnType<typeof batchRows> =>
      batchRows(
        store,
        runs.map(({ plan }) => plan),
      );
    const view: BatchView = {
      store,
      batch,
      rows,
      summary: await summarise(batch, runs, rows(), clock.now(), rejected),
    };
    if (!(await writeAll(store, view, files, before))) continue;
    await moveCurrent(store, batch, view.summary);
    return view.summary;
  }
  throw new TransientError(
    "storage.contended",
    `Expected to publish batch ${batch} within ${patience} tries but others kept publishing it`,
  );
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
    const etag = before.get(file);
    const only: WriteOptions["only"] = etag === undefined ? "create" : { ifMatch: etag };
    try {
      await store.writeStream(file.key(view.batch), Readable.from(asBytes(file.write(view))), {
        only,
        contentType: file.contentType,
      });
    } catch (error) {
      if (error instanceof PreconditionFailedError || error instanceof ObjectNotFoundError) return false;
      throw error;
    }
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
async function moveCurrent(store: ObjectStore, batch: BatchName, { run, ordinal }: Summary): Promise<void> {
  if (run === null) return;
  await updateDocument(store, currentKey(batch), current, (before) =>
    before && before.ordinal >= ordinal ? undefined : { schemaVersion: 1, run, ordinal },
  );
}
