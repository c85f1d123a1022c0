/** What Python would pickle: plain data as it is, and these for what JavaScript has no value for. */
export type Picklable =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Picklable[]
  | Map<Picklable, Picklable>
  | Tuple
  | Named
  | Call
  | Persistent
  | Raw;

class Tuple {
  constructor(readonly items: readonly Picklable[]) {}
}
class Named {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
}
class Call {
  constructor(
    readonly callee: Picklable,
    readonly parameters: Tuple,
    /** What is done to the object that the call made: items set, a state built. */
    readonly then: { readonly items?: Map<Picklable, Picklable>; readonly state?: Picklable; readonly isNew?: boolean },
  ) {}
}
class Persistent {
  constructor(readonly identity: Picklable) {}
}
class Raw {
  constructor(readonly bytes: Uint8Array) {}
}

export const tuple = (...items: Picklable[]): Tuple => new Tuple(items);
export const named = (module: string, name: string): Named => new Named(module, name);
export const call = (callee: Picklable, parameters: Tuple, then: Call["then"] = {}): Call =>
  new Call(callee, parameters, then);
export const persistent = (identity: Picklable): Persistent => new Persistent(identity);
/** Opcodes as they are. */
export const raw = (...bytes: number[]): Raw => new Raw(Uint8Array.from(bytes));
export const dictionary = (entries: Readonly<Record<string, Picklable>>): Map<Picklable, Picklable> =>
  new Map(Object.entries(entries));
export const orderedDictionary = (entries: Readonly<Record<string, Picklable>>, state?: Picklable): Call =>
  call(named("collections", "OrderedDict"), tuple(), {
    items: dictionary(entries),
    ...(state === undefined ? {} : { state }),
  });

/**
 * A pickle of protocol 2, or 4 with names from the stack, as Python's own pickler writes it: containers, texts, names
 * and calls are remembered by number, equal texts and names are recalled (Python recalls the very same objects, which
 * in checkpoints comes to the same). The bytes are compared with those of real checkpoints in read-pytorch.test.ts.
 */
export function pickle(value: Picklable, protocol: 2 | 4 = 2): Uint8Array {
  const out: number[] = [0x80, protocol];
  let remembered = 0;
  const known = new Map<string, number>();

  const put = (): number => {
    const index = remembered++;
    if (protocol === 4) out.push(0x94);
    else if (index < 256) out.push(0x71, index);
    else out.push(0x72, ...uint32(index));
    return index;
  };
  const recall = (key: string): boolean => {
    const index = known.get(key);
    if (index === undefined) return false;
    if (index < 256) out.push(0x68, index);
    else out.push(0x6a, ...uint32(index));
    return true;
  };
  const text = (content: string): void => {
    if (recall(`text ${content}`)) return;
    const bytes = Buffer.from(content);
    if (protocol === 4 && bytes.length < 256) out.push(0x8c, bytes.length, ...bytes);
    else out.push(0x58, ...uint32(bytes.length), ...bytes);
    known.set(`text ${content}`, put());
  };
  const name = ({ module, name: own }: Named): void => {
    if (recall(`name ${module} ${own}`)) return;
    if (protocol === 4) {
      text(module);
      text(own);
      out.push(0x93);
    } else out.push(0x63, ...Buffer.from(`${module}\n${own}\n`));
    known.set(`name ${module} ${own}`, put());
  };
  const items = (entries: Map<Picklable, Picklable>): void => {
    if (entries.size > 1) out.push(0x28);
    for (const [key, one] of entries) {
      write(key);
      write(one);
    }
    if (entries.size > 0) out.push(entries.size > 1 ? 0x75 : 0x73);
  };
  const write = (one: Picklable): void => {
    if (one === null) out.push(0x4e);
    else if (typeof one === "boolean") out.push(one ? 0x88 : 0x89);
    else if (typeof one === "number") out.push(...number(one));
    else if (typeof one === "bigint") out.push(...long(one));
    else if (typeof one === "string") text(one);
    else if (one instanceof Uint8Array) out.push(0x42, ...uint32(one.length), ...one);
    else if (one instanceof Raw) out.push(...one.bytes);
    else if (one instanceof Named) name(one);
    else if (one instanceof Persistent) {
      write(one.identity);
      out.push(0x51);
    } else if (one instanceof Tuple) {
      if (one.items.length > 3) out.push(0x28);
      for (const item of one.items) write(item);
      out.push([0x29, 0x85, 0x86, 0x87][one.items.length] ?? 0x74);
      if (one.items.length > 0) put();
    } else if (one instanceof Map) {
      out.push(0x7d);
      put();
      items(one);
    } else if (one instanceof Call) {
      write(one.callee);
      write(one.parameters);
      out.push(one.then.isNew ? 0x81 : 0x52);
      put();
      if (one.then.items) items(one.then.items);
      if (one.then.state !== undefined) {
        write(one.then.state);
        out.push(0x62);
      }
    } else {
      out.push(0x5d);
      put();
      if (one.length > 1) out.push(0x28);
      for (const item of one) write(item);
      if (one.length > 0) out.push(one.length > 1 ? 0x65 : 0x61);
    }
  };
  write(value);
  out.push(0x2e);
  return Uint8Array.from(out);
}

function number(value: number): number[] {
  if (!Number.isInteger(value) || Object.is(value, -0) || Math.abs(value) >= 2 ** 31) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return [0x47, ...bytes];
  }
  if (value >= 0 && value < 256) return [0x4b, value];
  if (value >= 0 && value < 65536) return [0x4d, value & 0xff, value >> 8];
  return [0x4a, ...uint32(value >>> 0)];
}

function long(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (!((rest === 0n && (bytes.at(-1) ?? 0) < 128) || (rest === -1n && (bytes.at(-1) ?? 0) >= 128))) {
    bytes.push(Number(rest & 0xffn));
    rest >>= 8n;
  }
  return [0x8a, bytes.length, ...bytes];
}

export function uint32(value: number): number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return [...bytes];
}
