import { beyondLimit, shown } from "./checkpoint-errors";
import { storageElementType } from "./element-types";
import { malformed } from "./pickle-cursor";
import {
  isGlobal,
  isSequence,
  isStorage,
  kindOfValue,
  type ElementType,
  type PickleValue,
  type StorageReference,
  type TensorReference,
} from "./pickle-values";

const mostAxes = 64;

/** A storage by its identity in the pickle: ("storage", class, key, device, elements) and, in old files, a slice. */
export function storageReference(identity: PickleValue): StorageReference {
  const [kind, type = null, key, , elements, slice = null] = isSequence(identity) ? identity.items : [];
  if (kind !== "storage") throw malformed("a storage", kind === "module" ? "the source code of a module" : "another");
  const elementType = isGlobal(type) ? storageElementType(type.name) : undefined;
  if (!isGlobal(type) || elementType === undefined) {
    throw malformed("a class of storages", isGlobal(type) ? shown(type.name) : kindOfValue(type));
  }
  if (typeof key !== "string") throw malformed("a storage's key as text", kindOfValue(key));
  if (slice !== null) throw malformed("whole storages", "slices of storages, as PyTorch 0.1 wrote them");
  const count = wholeNumber(elements, `a number of elements for storage ${shown(key)}`);
  return elementType === "untyped"
    ? { kind: "storage", key, elementType: undefined, byteLength: count }
    : { kind: "storage", key, elementType, byteLength: count * elementType.bytes };
}

/**
 * A tensor by what its rebuilding function is given: (storage, offset, size, strides, …), in elements. What lies beyond
 * its storage is refused here, before anything is read.
 */
export function tensorReference(
  [storage = null, offset, size = null, stride = null]: readonly PickleValue[],
  given?: ElementType,
): TensorReference {
  if (!isStorage(storage)) throw malformed("a storage for a tensor", kindOfValue(storage));
  const elementType = given ?? storage.elementType;
  if (!elementType) throw malformed("an element type for a tensor on bytes", "none");
  const reference: TensorReference = {
    kind: "tensor",
    storage,
    elementType,
    offset: wholeNumber(offset, "a tensor's offset"),
    dims: wholeNumbers(size, "a tensor's shape"),
    strides: wholeNumbers(stride, "a tensor's strides"),
  };
  const { dims, strides } = reference;
  if (dims.length !== strides.length) throw malformed(`${dims.length} strides for a tensor`, `${strides.length}`);
  if (dims.includes(0)) return reference;
  const last = dims.reduce((sum, extent, axis) => sum + (extent - 1) * (strides[axis] ?? 0), reference.offset);
  const needed = (last + 1) * elementType.bytes;
  if (!(needed <= storage.byteLength)) {
    throw malformed(`a tensor within the ${storage.byteLength} bytes of storage ${shown(storage.key)}`, `${needed}`);
  }
  return reference;
}

function wholeNumbers(value: PickleValue, what: string): number[] {
  if (!isSequence(value)) throw malformed(`${what} as a list`, kindOfValue(value));
  if (value.items.length > mostAxes) throw beyondLimit(what, `${mostAxes} axes`, `${value.items.length}`);
  return value.items.map((item) => wholeNumber(item, what));
}

function wholeNumber(value: PickleValue | undefined, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(`${what} as a whole number`, typeof value === "number" ? `${value}` : kindOfValue(value));
}
