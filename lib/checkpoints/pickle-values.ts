import type { DataType } from "../onnx/model";

/** What a pickle's opcodes build here: plain data and names, nothing that could act. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleSequence
  | PickleDictionary
  | PickleGlobal
  | UnreadObject
  | StorageReference
  | TensorReference;

export interface PickleSequence {
  readonly kind: "list" | "tuple" | "set";
  readonly items: PickleValue[];
}

/** Entries in the order in which they were set; of equal keys the last counts. */
export interface PickleDictionary {
  readonly kind: "dict";
  readonly entries: [key: PickleValue, value: PickleValue][];
}

/** A class or function by its name, "collections.OrderedDict". Nothing is looked up or imported. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
}

/** Stands for the object that a class or function unknown here would have made. What was given to it is dropped. */
export interface UnreadObject {
  readonly kind: "unread";
  readonly name: string;
}

export type NumericType = Exclude<DataType, "string">;

/** A PyTorch element type; `dataType` is left out for those that no tensor here can hold (complex, quantised). */
export interface ElementType {
  readonly name: string;
  readonly bytes: number;
  readonly dataType?: NumericType;
}

/** Raw memory of a checkpoint by its key. */
export interface StorageReference {
  readonly kind: "storage";
  readonly key: string;
  /** undefined: bytes, whose type each tensor on them says. */
  readonly elementType: ElementType | undefined;
  readonly byteLength: number;
}

/** A view of a storage; offset and strides count elements. */
export interface TensorReference {
  readonly kind: "tensor";
  readonly storage: StorageReference;
  readonly elementType: ElementType;
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
}

export function isDictionary(value: PickleValue): value is PickleDictionary {
  return isObject(value) && value.kind === "dict";
}

export function isTensor(value: PickleValue): value is TensorReference {
  return isObject(value) && value.kind === "tensor";
}

export function isStorage(value: PickleValue): value is StorageReference {
  return isObject(value) && value.kind === "storage";
}

export function isUnread(value: PickleValue): value is UnreadObject | PickleGlobal {
  return isObject(value) && (value.kind === "unread" || value.kind === "global");
}

export function isGlobal(value: PickleValue): value is PickleGlobal {
  return isObject(value) && value.kind === "global";
}

export function isSequence(value: PickleValue): value is PickleSequence {
  return isObject(value) && (value.kind === "list" || value.kind === "tuple" || value.kind === "set");
}

function isObject(value: PickleValue): value is Exclude<PickleValue & object, Uint8Array> {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}

/** A value in a message: its kind, never its content. */
export function kindOfValue(value: PickleValue | undefined): string {
  if (value === null) return "None";
  if (value === undefined) return "nothing";
  if (value instanceof Uint8Array) return "bytes";
  return typeof value === "object" ? value.kind : typeof value;
}
