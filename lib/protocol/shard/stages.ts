/** Starts work on items up to `depth` ahead of the one that is handed out, in order. After `stop` no new item is begun. */
export async function* ahead<Item, Result>(
  items: readonly Item[],
  depth: number,
  work: (item: Item) => Promise<Result>,
  stop: AbortSignal,
): AsyncGenerator<Result> {
  const begun: Promise<Result>[] = [];
  let next = 0;
  const beginMore = (most: number): void => {
    for (; begun.length < most && next < items.length && !stop.aborted; next++) {
      const result = work(items[next] as Item);
      // Handled when its turn comes.
      result.catch(() => undefined);
      begun.push(result);
    }
  };
  try {
    for (;;) {
      beginMore(depth + 1);
      const first = begun.shift();
      if (!first) return;
      const result = await first;
      beginMore(depth);
      yield result;
    }
  } finally {
    await Promise.allSettled(begun);
  }
}

/** Runs actions beside the caller, at most `places` of them; with no place the caller waits for each. Errors surface at the next entry, or at the end. */
export class Room {
  private readonly inside = new Set<Promise<void>>();
  private failed: { readonly error: unknown } | undefined;

  constructor(private readonly places: number) {}

  async enter(action: () => Promise<void>): Promise<void> {
    const running = action().catch((error: unknown) => {
      this.failed ??= { error };
    });
    const tracked = running.then(() => {
      this.inside.delete(tracked);
    });
    this.inside.add(tracked);
    while (this.inside.size > this.places) await Promise.race(this.inside);
    this.rethrow();
  }

  async emptied(): Promise<void> {
    await Promise.all(this.inside);
    this.rethrow();
  }

  private rethrow(): void {
    if (this.failed) throw this.failed.error;
  }
}
