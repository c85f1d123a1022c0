import { ModelError } from "../contract/errors";
import { beyondLimit, shown } from "./checkpoint-errors";
import { elementTypes, storageElementType } from "./element-types";
import { malformed } from "./pickle-cursor";
import {
  isDictionary,
  isGlobal,
  isSequence,
  isUnread,
  kindOfValue,
  type ElementType,
  type PickleGlobal,
  type PickleValue,
  type StorageReference,
} from "./pickle-values";
import type { PickleVocabulary } from "./read-pickle";
import { actsWhenCalled } from "./refused-names";
import { storageReference, tensorReference } from "./tensor-reference";

export interface TorchVocabulary extends PickleVocabulary {
  /** The storages that the pickle spoke of, by key. */
  readonly storages: ReadonlyMap<string, StorageReference>;
  /** Classes and functions that are unknown here: what they would have made is left unread. */
  readonly unknown: ReadonlySet<string>;
}

type Call = (parameters: readonly PickleValue[], spend: (items: number) => void) => PickleValue;

/** Whole training programs name some dozens. */
const mostNames = 10_000;

/** Python 2 called some modules otherwise. */
const modulesToday: Readonly<Record<string, string>> = { __builtin__: "builtins", copy_reg: "copyreg" };

/**
 * What PyTorch's own names in a checkpoint mean: tensors, parameters, storages, and the containers of plain data.
 * `name` throws ModelError "checkpoint.global" for what acts when it is called. Source: torch._utils and
 * torch.serialization, which write these names.
 */
export function torchVocabulary(): TorchVocabulary {
  const storages = new Map<string, StorageReference>();
  const unknown = new Set<string>();
  const names = new Map<string, PickleGlobal>();
  return {
    storages,
    unknown,
    name(writtenModule, name) {
      const module = modulesToday[writtenModule] ?? writtenModule;
      const pair = `${module}\n${name}`;
      const before = names.get(pair);
      if (before) return before;
      if (actsWhenCalled(module, name)) throw refused(`${module}.${name}`);
      const global: PickleGlobal = { kind: "global", name: `${module}.${name}` };
      if (names.size === mostNames) throw beyondLimit("a pickle", `${mostNames} names of classes`, "one with more");
      names.set(pair, global);
      if (!isKnown(global.name)) unknown.add(global.name);
      return global;
    },
    call(callee, parameters, spend) {
      const known = calls.get(callee.name);
      return known ? known(parameters, spend) : { kind: "unread", name: callee.name };
    },
    persistent(identity) {
      const storage = storageReference(identity);
      storages.set(storage.key, storage);
      return storage;
    },
  };
}

function refused(name: string): ModelError {
  return new ModelError(
    "checkpoint.global",
    `Expected only weights in a checkpoint but received the name ${shown(name)}, which can run code when the file is ` +
      "loaded in Python. Nothing was executed; do not load this file elsewhere unless you know who made it",
  );
}

/** Names of plain data that is left aside without a word. */
const plain = new Set([
  "torch.device",
  "torch.Tensor",
  "torch.nn.parameter.Parameter",
  "torch.nn.parameter.Buffer",
  "_codecs.encode",
]);

function isKnown(name: string): boolean {
  return (
    calls.has(name) ||
    plain.has(name) ||
    name.startsWith("builtins.") ||
    storageElementType(name) !== undefined ||
    elementTypes.has(name.replace(/^torch\./, ""))
  );
}

const calls: ReadonlyMap<string, Call> = new Map<string, Call>([
  ["torch._utils._rebuild_tensor", (given) => rebuildTensor(given)],
  ["torch._utils._rebuild_tensor_v2", (given) => rebuildTensor(given)],
  ["torch._utils._rebuild_tensor_v3", (given) => rebuildTensor(given, elementTypeNamed(given[6]))],
  ["torch._utils._rebuild_parameter", firstOf],
  ["torch._utils._rebuild_parameter_with_state", firstOf],
  ["torch._tensor._rebuild_from_type_v2", rebuildFromType],
  ["torch.Size", ([items], spend) => copied("tuple", items, spend)],
  ["builtins.set", ([items], spend) => copied("set", items, spend)],
  ["builtins.frozenset", ([items], spend) => copied("set", items, spend)],
  ["collections.OrderedDict", dictionary],
  ["collections.Counter", dictionary],
  ["collections.defaultdict", ([, ...rest], spend) => dictionary(rest, spend)],
]);

/** Of a tensor on what is no storage known here, nothing is known. */
function rebuildTensor(parameters: readonly PickleValue[], elementType?: ElementType): PickleValue {
  const [storage = null] = parameters;
  return isUnread(storage) ? { kind: "unread", name: storage.name } : tensorReference(parameters, elementType);
}

/** A parameter is its tensor: (data, requires_grad, hooks, …). */
function firstOf([data = null]: readonly PickleValue[]): PickleValue {
  return data;
}

/** A tensor with attributes of its own: (rebuild, type, parameters, attributes). Of other types nothing is known. */
function rebuildFromType(
  [rebuild = null, type = null, parameters = null]: readonly PickleValue[],
  spend: (items: number) => void,
): PickleValue {
  if (!isGlobal(rebuild) || !isGlobal(type) || !isSequence(parameters)) {
    throw malformed("a function, a type and parameters for a tensor", kindOfValue(parameters));
  }
  const call = rebuild.name.startsWith("torch._utils._rebuild_") ? calls.get(rebuild.name) : undefined;
  return call && plain.has(type.name) ? call(parameters.items, spend) : { kind: "unread", name: type.name };
}

function dictionary([from]: readonly PickleValue[], spend: (items: number) => void): PickleValue {
  if (from === undefined) return { kind: "dict", entries: [] };
  if (isDictionary(from)) {
    spend(from.entries.length);
    return { kind: "dict", entries: from.entries.map(([key, value]) => [key, value]) };
  }
  if (!isSequence(from)) throw malformed("pairs to make a dictionary of", kindOfValue(from));
  spend(from.items.length);
  const entries = from.items.map((pair): [PickleValue, PickleValue] => {
    const [key, value, ...more] = isSequence(pair) && pair.items.length === 2 ? pair.items : [];
    if (key === undefined || value === undefined || more.length > 0) {
      throw malformed("pairs to make a dictionary of", kindOfValue(pair));
    }
    return [key, value];
  });
  return { kind: "dict", entries };
}

function copied(kind: "set" | "tuple", from: PickleValue | undefined, spend: (items: number) => void): PickleValue {
  if (from === undefined) return { kind, items: [] };
  if (!isSequence(from)) throw malformed(`items to make a ${kind} of`, kindOfValue(from));
  spend(from.items.length);
  return { kind, items: [...from.items] };
}

function elementTypeNamed(value: PickleValue | undefined): ElementType {
  const type = isGlobal(value ?? null)
    ? elementTypes.get((value as PickleGlobal).name.replace(/^torch\./, ""))
    : undefined;
  if (!type) throw malformed("an element type", kindOfValue(value));
  return type;
}
