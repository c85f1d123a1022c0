/** Writes TIFFs for the decoder's tests, straight from TIFF 6.0 and knowing nothing of the decoder: one strip a page, or tiles. */
export interface TiffPage {
  width: number;
  height: number;
  /** Samples of a pixel one after another, rows from the top. */
  samples: readonly number[] | Uint8Array | Uint16Array;
  /** 2 unless one sample a pixel, then 1. */
  photometric?: number;
  perPixel?: number;
  bits?: 8 | 16 | 32;
  sampleFormat?: number;
  extraSamples?: readonly number[];
  subfileType?: number;
  description?: string;
  compression?: number;
  /** MaxSampleValue. */
  largestValue?: number;
  /** Further tags: number, type (3 SHORT, 4 LONG, 7 UNDEFINED, 11 FLOAT), values. */
  tags?: readonly (readonly [number, 3 | 4 | 7 | 11, readonly number[] | Uint8Array])[];
  /** Pictures inside the page. */
  inner?: readonly TiffPage[];
}

export interface TiffOptions {
  big?: boolean;
  motorola?: boolean;
}

type Value = readonly number[] | Uint8Array;
const sizes: Record<number, number> = { 1: 1, 2: 1, 3: 2, 4: 4, 7: 1, 11: 4, 16: 8 };

export function writeTiff(pages: readonly TiffPage[], { big = false, motorola = false }: TiffOptions = {}): Buffer {
  const number = (value: number, size: number): Buffer => {
    const bytes = Buffer.alloc(size);
    if (size === 8) bytes.writeBigUInt64LE(BigInt(value));
    else bytes.writeUIntLE(value, 0, size);
    return motorola ? bytes.reverse() : bytes;
  };
  const float = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return motorola ? bytes.reverse() : bytes;
  };
  const header = big ? 16 : 8;
  const offset = big ? 8 : 4;
  const body: Buffer[] = [];
  let length = header;
  const put = (bytes: Buffer): number => {
    const at = length;
    const padded = bytes.length % 2 ? Buffer.concat([bytes, Buffer.alloc(1)]) : bytes;
    body.push(padded);
    length += padded.length;
    return at;
  };
  /** Writes pages in a chain; answers where the first directory lies. */
  const chain = (list: readonly TiffPage[], linked: boolean): number[] => {
    const links: Buffer[] = [];
    const places: number[] = [];
    for (const page of list) {
      const place = directory(page, links);
      places.push(place);
    }
    links.forEach((link, i) => number(linked ? (places[i + 1] ?? 0) : 0, offset).copy(link));
    return places;
  };
  const directory = (page: TiffPage, links: Buffer[]): number => {
    const bits = page.bits ?? 8;
    const perPixel = page.perPixel ?? page.samples.length / (page.width * page.height);
    const strip = Buffer.concat(
      bits === 8 ? [Buffer.from(page.samples)] : Array.from(page.samples, (value) => number(value, bits / 8)),
    );
    const at = put(strip);
    const inner = page.inner ? chain(page.inner, false) : [];
    const repeat = (value: number): number[] => Array.from({ length: perPixel }, () => value);
    const tags: [number, number, Value][] = [
      [254, 4, [page.subfileType ?? 0]],
      [256, 4, [page.width]],
      [257, 4, [page.height]],
      [258, 3, repeat(bits)],
      [259, 3, [page.compression ?? 1]],
      [262, 3, [page.photometric ?? (perPixel === 1 ? 1 : 2)]],
      [273, 4, [at]],
      [277, 3, [perPixel]],
      [278, 4, [page.height]],
      [279, 4, [strip.length]],
      ...(page.description === undefined
        ? []
        : [[270, 2, Buffer.from(`${page.description}\0`)] as [number, number, Value]]),
      ...(page.largestValue === undefined ? [] : [[281, 3, repeat(page.largestValue)] as [number, number, Value]]),
      ...(page.extraSamples === undefined ? [] : [[338, 3, page.extraSamples] as [number, number, Value]]),
      ...(page.sampleFormat === undefined ? [] : [[339, 3, repeat(page.sampleFormat)] as [number, number, Value]]),
      ...(inner.length > 0 ? [[330, 4, inner] as [number, number, Value]] : []),
      ...((page.tags ?? []) as [number, number, Value][]),
    ];
    const entries = tags
      .sort(([a], [b]) => a - b)
      .map(([tag, type, values]) => {
        const bytes =
          values instanceof Uint8Array
            ? Buffer.from(values)
            : Buffer.concat(values.map((value) => (type === 11 ? float(value) : number(value, sizes[type]!))));
        const value = bytes.length <= offset ? Buffer.concat([bytes, Buffer.alloc(offset - bytes.length)]) : undefined;
        return Buffer.concat([
          number(tag, 2),
          number(type, 2),
          number(bytes.length / sizes[type]!, offset),
          value ?? number(put(bytes), offset),
        ]);
      });
    const link = Buffer.alloc(offset);
    links.push(link);
    const place = length;
    body.push(number(entries.length, big ? 8 : 2), ...entries, link);
    length += (big ? 8 : 2) + entries.reduce((sum, entry) => sum + entry.length, 0) + offset;
    if (length % 2) put(Buffer.alloc(1));
    return place;
  };
  const [first = 0] = chain(pages, true);
  const start = Buffer.concat([
    Buffer.from(motorola ? "MM" : "II"),
    number(big ? 43 : 42, 2),
    ...(big ? [number(8, 2), number(0, 2)] : []),
    number(first, offset),
  ]);
  return Buffer.concat([start, ...body]);
}
