import { Readable } from "node:stream";
import { EnvironmentError } from "../../contract/errors";
import type { ObjectKey } from "../../contract/names";
import { csvKey, reportKey } from "../../contract/object-keys";
import { result as resultDocument, type Result } from "../../contract/result";
import { csvLines } from "../../report/csv";
import { renderReport } from "../../report/report";
import type { ObjectStore } from "../../storage/object-store";
import { readDocument } from "../../bucket/documents";
import { readIfPresent } from "../../bucket/objects";
import type { Publisher } from "../ports";

/** results.csv: every image, streamed. */
const csvPublisher: Publisher = {
  key: csvKey,
  contentType: "text/csv; charset=utf-8",
  write: ({ summary, rows }) => Readable.from(inBlocks(csvLines(summary, rows()))),
};

const blockLength = 1 << 16;

/** A million lines one by one would be a million turns of the event loop for whoever writes them. */
async function* inBlocks(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let block = "";
  for await (const text of lines) {
    block += text;
    if (block.length < blockLength) continue;
    yield Buffer.from(block);
    block = "";
  }
  yield Buffer.from(block);
}

/** report.html: what people open first. */
const reportPublisher: Publisher = {
  key: reportKey,
  contentType: "text/html; charset=utf-8",
  write: ({ store, summary, rows }) =>
    Readable.from(
      (async function* () {
        yield Buffer.from(
          await renderReport({
            summary,
            rows,
            readResult: (key) => resultOrNothing(store, key as ObjectKey),
            readBytes: async (key) => (await readIfPresent(store, key as ObjectKey))?.body,
          }),
        );
      })(),
    ),
};

/** What collecting a batch writes beside its summary. */
export const publishers: readonly Publisher[] = [csvPublisher, reportPublisher];

/** One damaged result costs its card's details, never the batch's report. */
async function resultOrNothing(store: ObjectStore, key: ObjectKey): Promise<Result | undefined> {
  try {
    return (await readDocument(store, key, resultDocument))?.value;
  } catch (error) {
    if (error instanceof EnvironmentError) return undefined;
    throw error;
  }
}
