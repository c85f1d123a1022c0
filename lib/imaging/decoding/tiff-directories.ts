import { ImageError } from "../../contract/errors";

/** What one directory (page) of a TIFF says of its picture (TIFF 6.0, sections 2 and 8; BigTIFF alike). */
export interface TiffDirectory {
  readonly width: number;
  readonly height: number;
  /** NewSubfileType: bit 0 a reduced picture, bit 2 a mask; Aperio's macro is 9. */
  readonly subfileType: number;
  readonly bits: readonly number[];
  readonly compression: number;
  readonly photometric: number | undefined;
  readonly samples: number;
  /** 1 unsigned, 2 signed, 3 floating point, 4 undefined, 5 and 6 complex: one a sample, or one for all. */
  readonly sampleFormat: readonly number[];
  /** 0 unspecified, 1 premultiplied, 2 straight transparency: one for each sample beyond the colours. */
  readonly extraSamples: readonly number[];
  readonly largestValue: number | undefined;
  /** InkSet: 1 (or absent) is CMYK. */
  readonly inkSet: number | undefined;
  /** Hamamatsu's SourceLens: -1 is the macro picture, -2 the map. */
  readonly sourceLens: number | undefined;
  /** ImageDescription: of the first page up to 1 MiB, of others its beginning. */
  readonly description: string;
  /** ImageJ's private metadata (tag 50839), whose parts are as long as tag 50838 says. */
  readonly imageJ: { readonly data: Uint8Array; readonly lengths: readonly number[] } | undefined;
  /** Pages inside this one (SubIFDs). */
  readonly inner: readonly TiffDirectory[];
  /** Where in the file the value of a tag of one to two SHORTs lies, for tags that are read otherwise than written. */
  readonly valueOffsets: ReadonlyMap<number, number>;
}

const mostPages = 4096;
const mostInner = 64;
const mostEntries = 4096;
const longestDescription = 2 ** 20;
const longestOtherDescription = 2048;
const longestImageJ = 2 ** 16;
const mostValues = 64;

/** Bytes of a value, by its type's number; only whole numbers and text are read. */
const sizes: Readonly<Record<number, 1 | 2 | 4 | 8>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  11: 4,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};

/**
 * Reads the directories of a TIFF or BigTIFF, in file order. Bounded by the file and by fixed numbers of pages, entries and
 * values, whatever the file claims. Throws image.truncated or image.corrupt.
 */
export function readTiffDirectories(bytes: Uint8Array): TiffDirectory[] {
  return new Reader(bytes).pages();
}

interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly at: number;
}

class Reader {
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #big: boolean;
  readonly #visited = new Set<number>();

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = bytes[0] === 0x49;
    this.#big = this.#number(2, 2) === 43;
  }

  pages(): TiffDirectory[] {
    const pages: TiffDirectory[] = [];
    let at = this.#big ? this.#number(8, 8) : this.#number(4, 4);
    while (at !== 0 && pages.length < mostPages) {
      const { directory, next } = this.#directory(at, pages.length === 0, true);
      pages.push(directory);
      at = next;
    }
    if (pages.length === 0) throw new ImageError("image.corrupt", "Expected a page in the TIFF file but found none");
    return pages;
  }

  #directory(at: number, first: boolean, outer: boolean): { directory: TiffDirectory; next: number } {
    if (this.#visited.has(at))
      throw new ImageError("image.corrupt", "Expected each page of the TIFF file once but its pages form a circle");
    this.#visited.add(at);
    const [countSize, entrySize] = this.#big ? ([8, 20] as const) : ([2, 12] as const);
    const count = this.#number(at, countSize);
    if (count > mostEntries)
      throw new ImageError(
        "image.corrupt",
        `Expected at most ${mostEntries} entries of a TIFF page but found ${count}`,
      );
    const entries = new Map<number, Entry>();
    for (let i = 0; i < count; i++) {
      const entry = this.#entry(at + countSize + i * entrySize);
      if (entry) entries.set(entry.tag, entry);
    }
    const next = this.#number(at + countSize + count * entrySize, this.#big ? 8 : 4);
    const numbers = (tag: number, most = mostValues): number[] => this.#numbers(entries.get(tag), most);
    const samples = numbers(277)[0] ?? 1;
    const directory: TiffDirectory = {
      width: numbers(256)[0] ?? 0,
      height: numbers(257)[0] ?? 0,
      // SubfileType (255), the older tag, calls a reduced picture 2.
      subfileType: numbers(254)[0] ?? (numbers(255)[0] === 2 ? 1 : 0),
      bits: entries.has(258) ? numbers(258) : [1],
      compression: numbers(259)[0] ?? 1,
      photometric: numbers(262)[0],
      samples,
      sampleFormat: entries.has(339) ? numbers(339) : [1],
      extraSamples: numbers(338),
      largestValue: entries.has(281) ? Math.max(...numbers(281)) : undefined,
      inkSet: numbers(332)[0],
      sourceLens: this.#float(entries.get(65421)),
      description: this.#text(entries.get(270), first ? longestDescription : longestOtherDescription),
      imageJ: first ? this.#imageJ(entries) : undefined,
      inner: outer ? numbers(330, mostInner).map((inside) => this.#directory(inside, false, false).directory) : [],
      valueOffsets: new Map([262, 338].flatMap((tag) => this.#shortOffset(entries.get(tag)))),
    };
    return { directory, next };
  }

  #entry(at: number): Entry | undefined {
    const type = this.#number(at + 2, 2);
    const size = sizes[type];
    if (size === undefined) return undefined;
    const count = this.#number(at + 4, this.#big ? 8 : 4);
    const inline = this.#big ? 8 : 4;
    const value = at + (this.#big ? 12 : 8);
    return {
      tag: this.#number(at, 2),
      type,
      count,
      at: count * size <= inline ? value : this.#number(value, inline),
    };
  }

  #numbers(entry: Entry | undefined, most: number): number[] {
    if (!entry) return [];
    const size = sizes[entry.type] ?? 1;
    return Array.from({ length: Math.min(entry.count, most) }, (_, i) => this.#number(entry.at + i * size, size));
  }

  #text(entry: Entry | undefined, longest: number): string {
    if (!entry || ![1, 2, 7].includes(entry.type)) return "";
    return Buffer.from(this.#piece(entry.at, Math.min(entry.count, longest)))
      .toString("utf8")
      .replace(/\0[^]*$/, "");
  }

  #float(entry: Entry | undefined): number | undefined {
    if (entry?.type !== 11) return undefined;
    this.#within(entry.at, 4);
    return this.#view.getFloat32(entry.at, this.#little);
  }

  #imageJ(entries: ReadonlyMap<number, Entry>): TiffDirectory["imageJ"] {
    const data = entries.get(50839);
    if (!data || data.count > longestImageJ) return undefined;
    return { data: this.#piece(data.at, data.count), lengths: this.#numbers(entries.get(50838), mostValues) };
  }

  #shortOffset(entry: Entry | undefined): [number, number][] {
    return entry?.type === 3 ? [[entry.tag, entry.at]] : [];
  }

  #piece(at: number, length: number): Uint8Array {
    this.#within(at, length);
    return this.bytes.subarray(at, at + length);
  }

  #number(at: number, size: 1 | 2 | 4 | 8): number {
    this.#within(at, size);
    switch (size) {
      case 1:
        return this.#view.getUint8(at);
      case 2:
        return this.#view.getUint16(at, this.#little);
      case 4:
        return this.#view.getUint32(at, this.#little);
      case 8:
        return Number(this.#view.getBigUint64(at, this.#little));
    }
  }

  #within(at: number, length: number): void {
    if (at + length > this.bytes.length)
      throw new ImageError(
        "image.truncated",
        `Expected the TIFF file to hold byte ${at + length} but it has ${this.bytes.length}`,
      );
  }
}

/** A copy of a TIFF in which a SHORT is another: for what libvips would read otherwise than it is meant. */
export function withShort(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  new DataView(copy.buffer).setUint16(at, value, bytes[0] === 0x49);
  return copy;
}
