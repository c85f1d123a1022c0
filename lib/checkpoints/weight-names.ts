/** What wrappers put before every name: DataParallel, Lightning and other trainers, torch.compile. */
const prefixes = ["module.", "model.", "backbone.", "_orig_mod."];

/** DenseNet's layers as torchvision called them before 0.3: "denselayer1.norm.1" is today's "denselayer1.norm1". */
const oldDenseNet = /^(.*denselayer\d+\.(?:0\.)?(?:norm|relu|conv))\.([12]\.\w+)$/;

/** torch.optim.swa_utils.AveragedModel keeps its count beside the module. */
const countOfAverages = "n_averaged";

/**
 * Tensors under the names that the network itself gives them: prefixes that all names carry are taken off, again and
 * again, and old DenseNet names are brought to today's. `notes` says in sentences what was done.
 */
export function underNetworkNames<T>(tensors: ReadonlyMap<string, T>): { tensors: Map<string, T>; notes: string[] } {
  const notes: string[] = [];
  let named = new Map(tensors);
  if (named.size > 1 && named.delete(countOfAverages)) notes.push(`${countOfAverages} is left out: it is no weight`);
  for (let prefix = commonPrefix(named); prefix !== undefined; prefix = commonPrefix(named)) {
    const { length } = prefix;
    named = new Map([...named].map(([name, tensor]) => [name.slice(length), tensor]));
    notes.push(`"${prefix}" is taken off all names`);
  }
  let renamed = 0;
  named = new Map(
    [...named].map(([name, tensor]) => {
      const today = name.replace(oldDenseNet, "$1$2");
      if (today === name || named.has(today)) return [name, tensor];
      renamed++;
      return [today, tensor];
    }),
  );
  if (renamed > 0) notes.push(`${renamed} old DenseNet names are brought to today's ("norm.1" to "norm1")`);
  return { tensors: named, notes };
}

function commonPrefix(tensors: ReadonlyMap<string, unknown>): string | undefined {
  const names = [...tensors.keys()];
  return prefixes.find(
    (prefix) => names.length > 0 && names.every((name) => name.startsWith(prefix) && name.length > prefix.length),
  );
}
