/**
 * Results of `work` on each item, in order. Work is begun on up to `count` items beyond the one that is handed out, so that
 * the next result is ready, or on its way, when it is asked for; with 0 an item is begun when it is asked for.
 *
 * After `stop` no item is begun; what was begun is still handed out. The first error in order of items ends it. However it
 * ends, nothing that was begun is still running afterwards.
 */
export async function* prefetch<Item, Result>(
  items: Iterable<Item>,
  count: number,
  work: (item: Item) => Promise<Result>,
  stop?: AbortSignal,
): AsyncGenerator<Result, void, undefined> {
  const inFlight: Promise<Result>[] = [];
  const left = items[Symbol.iterator]();
  const beginUpTo = (most: number): void => {
    while (inFlight.length < most) {
      const next = stop?.aborted ? undefined : left.next();
      if (!next || next.done) return;
      const result = work(next.value);
      // Its error is thrown when its turn comes, and is no one's fault before.
      result.catch(() => undefined);
      inFlight.push(result);
    }
  };
  try {
    for (;;) {
      beginUpTo(count + 1);
      const first = inFlight.shift();
      if (!first) return;
      const result = await first;
      beginUpTo(count);
      yield result;
    }
  } finally {
    await Promise.allSettled(inFlight);
  }
}
