import type { SharedBucket } from "../bucket/compare-and-swap";
import { updateDocument, readDocument } from "../bucket/documents";
import { batchName, type BatchName } from "../contract/names";
import { incomingPrefix, reconcilerKey, runsPrefix } from "../contract/object-keys";
import { reconcilerNotes, type ReconcilerNotes } from "../contract/planning";
import type { ListPage, ObjectStore } from "../storage/object-store";

/**
 * Which batches a round of the reconciler looks at, and in what order: all that are open, and a few of those that were closed
 * long ago, in turn. A bucket gathers batches for years; to look at each of them every quarter of an hour would cost more
 * than the batches.
 */
export interface Round {
  readonly batches: readonly BatchName[];
  readonly notes: ReconcilerNotes;
}

/** Of the settled batches, how many are looked at again in a round. */
const settledInARound = 200;

export async function beginRound(store: ObjectStore): Promise<Round> {
  const names = await batchesThereAre(store);
  const found = (await readDocument(store, reconcilerKey, reconcilerNotes))?.value ?? nothingNoted;
  const isThere = new Set(names);
  const settled = found.settled.filter((name) => isThere.has(name));
  const isSettled = new Set(settled);
  const open = names.filter((name) => !isSettled.has(name));
  return {
    batches: [
      ...beginningAfter(open, found.openAfter),
      ...beginningAfter(settled, found.settledAfter).slice(0, settledInARound),
    ],
    notes: { ...found, settled },
  };
}

/** Puts on record which of the batches that were looked at are settled, and where the next round begins. */
export async function endRound(
  bucket: SharedBucket,
  { batches, notes }: Round,
  looked: ReadonlyMap<BatchName, { readonly settled: boolean }>,
): Promise<void> {
  const before = new Set(notes.settled);
  const reached = batches.filter((batch) => looked.has(batch));
  const open = batches.filter((batch) => !before.has(batch));
  const openReached = reached.filter((batch) => !before.has(batch));
  const after: ReconcilerNotes = {
    schemaVersion: 1,
    settled: [
      ...new Set([...notes.settled, ...reached].filter((batch) => looked.get(batch)?.settled ?? before.has(batch))),
    ].sort(),
    settledAfter: reached.findLast((batch) => before.has(batch)) ?? notes.settledAfter,
    openAfter: openReached.length < open.length ? (openReached.at(-1) ?? notes.openAfter) : "",
  };
  // Whoever writes last is right enough: what is noted only saves looks.
  await updateDocument(bucket, reconcilerKey, reconcilerNotes, () => after);
}

const nothingNoted: ReconcilerNotes = { schemaVersion: 1, settled: [], settledAfter: "", openAfter: "" };

/** The names in order, from the first that comes after `last` and round to it. */
function beginningAfter(names: readonly BatchName[], last: string): BatchName[] {
  return [...names.filter((name) => name > last), ...names.filter((name) => name <= last)];
}

/** Every batch under incoming/, and every one with a run of its own, in order. */
async function batchesThereAre(store: ObjectStore): Promise<BatchName[]> {
  const names = new Set<string>();
  for (const prefix of [incomingPrefix, runsPrefix]) {
    let continuation: string | undefined;
    do {
      const page: ListPage = await store.listPage(prefix, {
        delimiter: "/",
        ...(continuation === undefined ? {} : { continuation }),
      });
      for (const folder of page.prefixes) names.add(folder.slice(prefix.length, -1));
      continuation = page.continuation;
    } while (continuation !== undefined);
  }
  return [...names].sort().flatMap((name) => {
    const parsed = batchName.safeParse(name);
    return parsed.success ? [parsed.data] : [];
  });
}
