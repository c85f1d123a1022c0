/**
 * Results of `work` on each item, in the items' order, with at most `limit` of them in flight. After an error no item is
 * begun; the first error is thrown once what was in flight has ended.
 */
export async function mapConcurrently<Item, Result>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let failed: { readonly error: unknown } | undefined;
  const queue = [...items].entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      try {
        results[index] = await work(item);
      } catch (error) {
        failed ??= { error };
      }
      if (failed) return;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, worker));
  if (failed) throw failed.error;
  return results;
}
