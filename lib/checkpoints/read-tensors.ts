import { ModelError } from "../contract/errors";
import { arrayOf, type NumericData } from "../onnx/data-types";
import type { Tensor } from "../onnx/model";
import { beyondLimit, howToConvert, shown } from "./checkpoint-errors";
import { toFiniteFloat32 } from "./float32-weights";
import type { NumericType, StorageReference, TensorReference } from "./pickle-values";
import type { StoredCheckpoint } from "./stored-checkpoint";

/**
 * The tensors that references stand for, in row-major order, floats as float32. Each storage is read once and let go
 * before the next; names of the very same view share one tensor.
 * @param mostBytes what all storages, and all distinct views, may add up to: overlapping ones must not outgrow the file
 * @throws ModelError "checkpoint.type", "checkpoint.limit", "checkpoint.not-finite" or "checkpoint.invalid"
 */
export async function readTensors(
  references: ReadonlyMap<string, TensorReference>,
  { readStorage, bigEndian }: Pick<StoredCheckpoint, "readStorage" | "bigEndian">,
  mostBytes: number,
): Promise<Map<string, Tensor>> {
  const read = new Map<string, Tensor>();
  for (const { storage, views } of storagesOf(references, mostBytes).values()) {
    const bytes = await readStorage(storage);
    for (const { reference, type, names } of views.values()) {
      const data = gather(bytes, reference, type, bigEndian);
      const tensor = toFiniteFloat32(names[0] ?? "", { dataType: type, dims: reference.dims, data });
      for (const name of names) read.set(name, tensor);
    }
  }
  return inOrderOf(references, read);
}

interface View {
  readonly reference: TensorReference;
  readonly type: NumericType;
  readonly names: string[];
}

interface StorageViews {
  readonly storage: StorageReference;
  readonly views: Map<string, View>;
}

function storagesOf(references: ReadonlyMap<string, TensorReference>, mostBytes: number): Map<string, StorageViews> {
  const storages = new Map<string, StorageViews>();
  let inStorages = 0;
  let inViews = 0;
  for (const [name, reference] of references) {
    const { storage, elementType, offset, dims, strides } = reference;
    const { dataType: type } = elementType;
    if (type === undefined) {
      throw new ModelError(
        "checkpoint.type",
        `Expected real numbers in ${shown(name)} but received ${elementType.name}: ${howToConvert} in another type`,
      );
    }
    const key = `${storage.byteLength}/${storage.key}`;
    const held = storages.get(key) ?? { storage, views: new Map<string, View>() };
    if (!storages.has(key)) inStorages += storage.byteLength;
    storages.set(key, held);
    const identity = JSON.stringify([type, offset, dims, strides]);
    const view = held.views.get(identity) ?? { reference, type, names: [] };
    if (view.names.length === 0) inViews += lengthOf(dims) * elementType.bytes;
    // A sum that is no number comes of extents beyond all bounds.
    if (!(inViews <= mostBytes && inStorages <= mostBytes)) {
      throw beyondLimit("tensors", `the file's ${mostBytes} bytes`, "more than it holds");
    }
    view.names.push(name);
    held.views.set(identity, view);
  }
  return storages;
}

function lengthOf(dims: readonly number[]): number {
  return dims.includes(0) ? 0 : dims.reduce((product, extent) => product * extent, 1);
}

/** A view's elements in row-major order; the storage's own memory where it is all there is to the view. */
function gather(
  bytes: Uint8Array<ArrayBuffer>,
  { offset, dims, strides }: TensorReference,
  type: NumericType,
  bigEndian: boolean,
): NumericData {
  const Elements = arrayOf(type);
  const count = lengthOf(dims);
  const width = Elements.BYTES_PER_ELEMENT;
  if (count > 0 && isContiguous(dims, strides)) {
    const whole = count * width === bytes.byteLength && !bigEndian;
    const start = offset * width;
    const own = whole ? bytes : bytes.slice(start, start + count * width);
    return new Elements((bigEndian ? swapped(own, width) : own).buffer, 0, count);
  }
  const target = new Uint8Array(count * width);
  copyStrided(bytes.buffer, target.buffer, { offset, dims, strides, width });
  return new Elements((bigEndian ? swapped(target, width) : target).buffer, 0, count);
}

function isContiguous(dims: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const extent = dims[axis] ?? 0;
    if (extent !== 1 && strides[axis] !== expected) return false;
    expected *= extent;
  }
  return true;
}

interface Strided {
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  readonly width: number;
}

/** Row by row, a row being the last axis; elements of eight bytes are moved as two words. */
function copyStrided(source: ArrayBuffer, target: ArrayBuffer, { offset, dims, strides, width }: Strided): void {
  const Words = width === 1 ? Uint8Array : width === 2 ? Uint16Array : Uint32Array;
  const perElement = width / Words.BYTES_PER_ELEMENT;
  const from = new Words(source, 0, Math.floor(source.byteLength / Words.BYTES_PER_ELEMENT));
  const to = new Words(target);
  const [row = 1, step = 1] = [dims.at(-1), strides.at(-1)];
  const index = dims.slice(0, -1).map(() => 0);
  let start = offset;
  for (let at = 0; at < to.length;) {
    for (let column = 0; column < row; column++) {
      const word = (start + column * step) * perElement;
      to[at++] = from[word] ?? 0;
      if (perElement === 2) to[at++] = from[word + 1] ?? 0;
    }
    for (let axis = index.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const stride = strides[axis] ?? 0;
      if (next < (dims[axis] ?? 0)) {
        index[axis] = next;
        start += stride;
        break;
      }
      index[axis] = 0;
      start -= (next - 1) * stride;
    }
  }
}

function swapped(bytes: Uint8Array<ArrayBuffer>, width: number): Uint8Array<ArrayBuffer> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 2) buffer.swap16();
  if (width === 4) buffer.swap32();
  if (width === 8) buffer.swap64();
  return bytes;
}

function inOrderOf(names: ReadonlyMap<string, unknown>, tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  return new Map(
    [...names.keys()].flatMap((name) => {
      const tensor = tensors.get(name);
      return tensor ? [[name, tensor] as const] : [];
    }),
  );
}
