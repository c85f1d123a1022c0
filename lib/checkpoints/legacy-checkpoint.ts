import { ModelError } from "../contract/errors";
import { howToConvert, invalidCheckpoint, shown } from "./checkpoint-errors";
import { checkRange, type FileRanges } from "./file-ranges";
import { PickleCutShort } from "./pickle-cursor";
import { isDictionary, isSequence, type PickleValue, type StorageReference } from "./pickle-values";
import { readPickle } from "./read-pickle";
import type { StoredCheckpoint } from "./stored-checkpoint";
import { torchVocabulary, type TorchVocabulary } from "./torch-vocabulary";
import { longestPickle } from "./zip-checkpoint";

const magicNumber = 0x1950a86a20f9469cfc6cn;
const protocolVersion = 1001;
/** Enough for the pickles of most files; more is read where they are longer. */
const firstRead = 4 * 2 ** 20;

/**
 * A checkpoint as torch.save wrote it before PyTorch 1.6: five pickles (magic number, version, byte order and such, the
 * value itself, the keys of the storages), then for each key the number of elements in eight bytes and the data.
 */
export async function openLegacyCheckpoint(file: FileRanges): Promise<StoredCheckpoint> {
  const { value, keys, end, bigEndian, vocabulary } = await readPickles(file);
  const places = await findStorages(file, keys, end, vocabulary.storages);
  return {
    format: "pytorch-legacy",
    value,
    unknown: [...vocabulary.unknown],
    bigEndian,
    async readStorage({ key, byteLength }) {
      const place = places.get(key);
      if (!place) throw invalidCheckpoint(`the data of storage ${shown(key)}`, "none");
      if (place.byteLength !== byteLength) {
        throw invalidCheckpoint(`${byteLength} bytes for storage ${shown(key)}`, `${place.byteLength}`);
      }
      return await file.read(place.offset, byteLength);
    },
  };
}

interface Pickles {
  readonly value: PickleValue;
  readonly keys: readonly string[];
  /** Where the storages begin. */
  readonly end: number;
  readonly bigEndian: boolean;
  readonly vocabulary: TorchVocabulary;
}

async function readPickles(file: FileRanges): Promise<Pickles> {
  const longest = Math.min(file.size, longestPickle);
  const beginning = Math.min(longest, firstRead);
  try {
    return interpret(await file.read(0, beginning));
  } catch (error) {
    if (!(error instanceof PickleCutShort) || beginning === longest) throw error;
    return interpret(await file.read(0, longest));
  }
}

function interpret(bytes: Uint8Array): Pickles {
  const vocabulary = torchVocabulary();
  let end = 0;
  const next = (): PickleValue => {
    const read = readPickle(bytes.subarray(end), vocabulary);
    end += read.end;
    return read.value;
  };
  if (next() !== magicNumber) {
    throw new ModelError(
      "checkpoint.format",
      `Expected a PyTorch checkpoint but received a pickle that torch.save did not write: ${howToConvert}`,
    );
  }
  const version = next();
  if (version !== protocolVersion) throw invalidCheckpoint(`format ${protocolVersion}`, "another");
  const system = next();
  const value = next();
  const keys = next();
  if (!isSequence(keys)) throw invalidCheckpoint("a list of storages", "none");
  return { value, keys: keys.items.map(asKey), end, bigEndian: saysBigEndian(system), vocabulary };
}

function asKey(value: PickleValue): string {
  if (typeof value !== "string") throw invalidCheckpoint("texts as keys of storages", typeof value);
  return value;
}

function saysBigEndian(system: PickleValue): boolean {
  return isDictionary(system) && system.entries.some(([key, value]) => key === "little_endian" && value === false);
}

async function findStorages(
  file: FileRanges,
  keys: readonly string[],
  start: number,
  storages: ReadonlyMap<string, StorageReference>,
): Promise<Map<string, { offset: number; byteLength: number }>> {
  const places = new Map<string, { offset: number; byteLength: number }>();
  let at = start;
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage || places.has(key)) throw invalidCheckpoint("each storage once", `${shown(key)}`);
    const elements = Buffer.from(await file.read(at, 8)).readBigUInt64LE();
    const { byteLength, elementType } = storage;
    if (elements * BigInt(elementType?.bytes ?? 1) !== BigInt(byteLength)) {
      throw invalidCheckpoint(`${byteLength} bytes for storage ${shown(key)}`, `${elements} elements`);
    }
    checkRange(file.size, at + 8, byteLength);
    places.set(key, { offset: at + 8, byteLength });
    at += 8 + byteLength;
  }
  return places;
}
