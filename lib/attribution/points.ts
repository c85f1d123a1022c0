/** The single element of what was asked for at a single point. */
export function onlyOf<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined || items.length !== 1)
    throw new RangeError(`Expected results at one point but received ${items.length}`);
  return item;
}
