import { inflateSync } from "node:zlib";

/** The pixels of an 8-bit RGB PNG without interlacing, straight from the PNG specification (9.2), for comparison with the decoder. */
export function readRgbPng(file: Buffer): { width: number; height: number; data: Uint8Array } {
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  if (file[24] !== 8 || file[25] !== 2 || file[28] !== 0) throw new Error("Expected 8-bit RGB without interlacing");
  const pieces: Buffer[] = [];
  for (let at = 8; at < file.length;) {
    const length = file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IDAT") pieces.push(file.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const rows = inflateSync(Buffer.concat(pieces));
  const stride = width * 3;
  const data = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)]!;
    for (let i = 0; i < stride; i++) {
      const left = i >= 3 ? data[y * stride + i - 3]! : 0;
      const above = y > 0 ? data[(y - 1) * stride + i]! : 0;
      const corner = i >= 3 && y > 0 ? data[(y - 1) * stride + i - 3]! : 0;
      const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter]!;
      data[y * stride + i] = rows[y * (stride + 1) + 1 + i]! + guess;
    }
  }
  return { width, height, data };
}

function paeth(left: number, above: number, corner: number): number {
  const [a, b, c] = [left, above, corner].map((value) => Math.abs(left + above - corner - value)) as [
    number,
    number,
    number,
  ];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}
