import { ModelError } from "../contract/errors";
import { howToConvert, shown, shownNames } from "./checkpoint-errors";
import {
  isDictionary,
  isTensor,
  isUnread,
  kindOfValue,
  type PickleDictionary,
  type PickleValue,
  type TensorReference,
} from "./pickle-values";

export interface StateDictionary {
  /** Where it lies, ["state_dict"]; empty where the checkpoint is the weights and nothing else. */
  readonly place: readonly string[];
  readonly tensors: ReadonlyMap<string, TensorReference>;
  /** Entries beside the tensors that are plain data, and so no weights. */
  readonly others: readonly string[];
  /** Where else weights lie: the moving average beside the trained ones. */
  readonly alternatives: readonly string[];
}

/** Names under which training programs keep the weights, the trained ones before their moving average. */
const customary = ["state_dict", "model_state_dict", "model", "net", "network", "model_ema", "ema_state_dict", "ema"];
const deepest = 3;

/**
 * The weights within what torch.save was given: under a customary name, else the only dictionary of tensors there is,
 * else the whole.
 * Throws ModelError "checkpoint.state-dict" where there are none or it is not clear which; "checkpoint.global" where an
 * object of a class unknown here stands in their place or among them.
 */
export function findStateDictionary(value: PickleValue): StateDictionary {
  if (isUnread(value)) throw wholeObject("The checkpoint", value.name);
  if (!isDictionary(value)) throw nothingFound(`a ${kindOfValue(value)}`);
  const found = candidates(value, []);
  const [first, ...rest] = found;
  if (first) return stateDictionary(first, rest);
  const [inner, ...more] = textEntries(value).flatMap(([key, under]) =>
    isDictionary(under) && isAllTensors(under) ? [{ place: [key], dictionary: under }] : [],
  );
  if (inner && more.length === 0 && tensorCount(inner.dictionary) > tensorCount(value))
    return stateDictionary(inner, []);
  if (tensorCount(value) > 0) return stateDictionary({ place: [], dictionary: value }, []);
  if (inner) throw ambiguous([inner, ...more].map(({ place }) => place.join(".")));
  const module = textEntries(value).find(([key, under]) => customary.includes(key) && isUnread(under));
  if (module && isUnread(module[1])) throw wholeObject(`"${shown(module[0])}" in the checkpoint`, module[1].name);
  if (holdsWeights(value)) return stateDictionary({ place: [], dictionary: value }, []);
  throw nothingFound(`a dictionary of ${shownNames(textEntries(value).map(([key]) => key)) || "nothing"}`);
}

interface Candidate {
  readonly place: readonly string[];
  readonly dictionary: PickleDictionary;
}

function candidates(within: PickleDictionary, place: readonly string[]): Candidate[] {
  const byName = new Map(textEntries(within));
  return customary.flatMap((name) => {
    const under = byName.get(name) ?? null;
    if (!isDictionary(under)) return [];
    const here = [...place, name];
    const deeper = here.length < deepest ? candidates(under, here) : [];
    return deeper.length > 0 || !holdsWeights(under) ? deeper : [{ place: here, dictionary: under }];
  });
}

/** Objects of unknown classes count: where weights are expected, they are what has to be refused. */
function holdsWeights(dictionary: PickleDictionary): boolean {
  return (
    tensorCount(dictionary) > 0 ||
    (dictionary.entries.length > 0 && dictionary.entries.every(([, one]) => isUnread(one)))
  );
}

function stateDictionary({ place, dictionary }: Candidate, rest: readonly Candidate[]): StateDictionary {
  const tensors = new Map<string, TensorReference>();
  const others = new Set<string>();
  for (const [key, value] of dictionary.entries) {
    const name = typeof key === "string" ? key : `a key that is a ${kindOfValue(key)}`;
    if (isUnread(value)) {
      throw new ModelError(
        "checkpoint.global",
        `Expected tensors among the weights but received an object of ${shown(value.name)} as ${shown(name)}, which is ` +
          `not read here: ${howToConvert}`,
      );
    }
    if (isTensor(value) && typeof key === "string") tensors.set(key, value);
    else others.add(name);
  }
  for (const name of tensors.keys()) others.delete(name);
  return { place, tensors, others: [...others], alternatives: rest.map((one) => one.place.join(".")) };
}

function textEntries({ entries }: PickleDictionary): [string, PickleValue][] {
  return entries.flatMap(([key, value]): [string, PickleValue][] => (typeof key === "string" ? [[key, value]] : []));
}

function tensorCount({ entries }: PickleDictionary): number {
  return entries.reduce((count, [, value]) => count + (isTensor(value) ? 1 : 0), 0);
}

function isAllTensors({ entries }: PickleDictionary): boolean {
  return entries.length > 0 && entries.every(([key, value]) => typeof key === "string" && isTensor(value));
}

function wholeObject(what: string, name: string): ModelError {
  return new ModelError(
    "checkpoint.global",
    `Expected weights, names and tensors, but received an object: ${what} is of ${shown(name)}, whose code would have to ` +
      `run to read it: ${howToConvert}`,
  );
}

function ambiguous(places: readonly string[]): ModelError {
  return new ModelError(
    "checkpoint.state-dict",
    `Expected one dictionary of weights but received ${places.length}: ${shownNames(places)}. Write the one you mean to a ` +
      "file of its own with torch.save",
  );
}

function nothingFound(received: string): ModelError {
  return new ModelError(
    "checkpoint.state-dict",
    `Expected tensors by name, at the top or under one of ${customary.join(", ")}, but received ${received}`,
  );
}
