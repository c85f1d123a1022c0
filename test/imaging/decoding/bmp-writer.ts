/** Writes bitmaps for the decoder's tests, straight from Microsoft's description of the format and knowing nothing of the decoder. */
export interface BmpPicture {
  width: number;
  height: number;
  /** Palette indices, or 0xRRGGBB colours, or whole pixels for bit fields; rows from the top. */
  pixels: number[];
  bits: number;
  palette?: number[];
  compression?: 0 | 1 | 2 | 3;
  masks?: number[];
  topDown?: boolean;
  core?: boolean;
  /** Already packed run-length data. */
  packed?: number[];
  headerSize?: number;
  pixelsPerMetre?: number;
}

export function writeBmp(picture: BmpPicture): Buffer {
  const {
    width,
    height,
    bits,
    palette = [],
    compression = 0,
    masks = [],
    topDown = false,
    core = false,
    headerSize = core ? 12 : 40,
  } = picture;
  const header = Buffer.alloc(headerSize);
  header.writeUInt32LE(headerSize, 0);
  if (core) {
    header.writeUInt16LE(width, 4);
    header.writeUInt16LE(height, 6);
    header.writeUInt16LE(1, 8);
    header.writeUInt16LE(bits, 10);
  } else {
    header.writeInt32LE(width, 4);
    header.writeInt32LE(topDown ? -height : height, 8);
    header.writeUInt16LE(1, 12);
    header.writeUInt16LE(bits, 14);
    header.writeUInt32LE(compression, 16);
    header.writeUInt32LE(picture.pixelsPerMetre ?? 0, 24);
    header.writeUInt32LE(picture.pixelsPerMetre ?? 0, 28);
    header.writeUInt32LE(palette.length, 32);
  }
  const maskBytes = Buffer.alloc(masks.length * 4);
  masks.forEach((mask, i) => maskBytes.writeUInt32LE(mask, 4 * i));
  if (headerSize > 52) maskBytes.copy(header, 40);
  const colours = Buffer.from(
    palette.flatMap((colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255, ...(core ? [] : [0])]),
  );
  const before = Buffer.concat([header, ...(headerSize > 52 ? [] : [maskBytes]), colours]);
  const data = Buffer.from(picture.packed ?? rows(picture));
  const file = Buffer.alloc(14);
  file.write("BM");
  file.writeUInt32LE(14 + before.length + data.length, 2);
  file.writeUInt32LE(14 + before.length, 10);
  return Buffer.concat([file, before, data]);
}

function rows({ width, height, pixels, bits, topDown = false }: BmpPicture): number[] {
  const out: number[] = [];
  for (let line = 0; line < height; line++) {
    const y = topDown ? line : height - 1 - line;
    let digits = "";
    for (let x = 0; x < width; x++) {
      const binary = pixels[y * width + x]!.toString(2).padStart(bits, "0");
      digits += bits <= 8 ? binary : binary.match(/.{8}/g)!.reverse().join("");
    }
    digits = digits.padEnd(Math.ceil(digits.length / 32) * 32, "0");
    out.push(...digits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
  }
  return out;
}

/** Packs palette indices by runs, with absolute pieces where runs are short: RLE8. */
export function packRle8(width: number, height: number, pixels: number[]): number[] {
  const out: number[] = [];
  for (let y = height - 1; y >= 0; y--) {
    const row = pixels.slice(y * width, (y + 1) * width);
    for (let x = 0; x < width;) {
      let run = 1;
      while (x + run < width && row[x + run] === row[x] && run < 255) run++;
      if (run > 1 || width - x < 3) {
        out.push(run, row[x]!);
        x += run;
      } else {
        const piece = row.slice(x, x + Math.min(255, width - x));
        out.push(0, piece.length, ...piece, ...(piece.length % 2 ? [0] : []));
        x += piece.length;
      }
    }
    out.push(0, 0);
  }
  out.push(0, 1);
  return out;
}

/** Packs pairs of palette indices by runs of two alternating colours: RLE4. */
export function packRle4(width: number, height: number, pixels: number[]): number[] {
  const out: number[] = [];
  for (let y = height - 1; y >= 0; y--) {
    for (let x = 0; x < width; x += 2)
      out.push(
        Math.min(2, width - x),
        (pixels[y * width + x]! << 4) | (x + 1 < width ? pixels[y * width + x + 1]! : 0),
      );
    out.push(0, 0);
  }
  out.push(0, 1);
  return out;
}
