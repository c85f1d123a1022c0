import { ImageError } from "../../contract/errors";

/** What decoding one image may cost. */
export interface DecodingLimits {
  /** Width × height as the header states it. */
  readonly pixels: number;
  /** Bytes of the file. */
  readonly bytes: number;
  /** Wall-clock time in the decoding process. */
  readonly seconds: number;
  /** Resident memory of the decoding process. */
  readonly memoryBytes: number;
}

/** 100 million pixels are 300 MB as RGB; of larger images, regions are read. */
export const defaultLimits: DecodingLimits = {
  pixels: 100_000_000,
  bytes: 512 * 2 ** 20,
  seconds: 60,
  memoryBytes: 2 * 2 ** 30,
};

const longestSide = 1_000_000;

/** Throws image.too-large for a size beyond the limit, before anything is allocated for it. */
export function checkPixels(width: number, height: number, limits: Pick<DecodingLimits, "pixels">): void {
  checkSides(width, height);
  if (width * height > limits.pixels) {
    throw new ImageError(
      "image.too-large",
      `Expected at most ${limits.pixels} pixels at once but the header says ${width} × ${height}: set tileSize to read the image tile by tile`,
    );
  }
}

/** Throws image.too-large for a size that no picture has. */
export function checkSides(width: number, height: number): void {
  if (width > longestSide || height > longestSide)
    throw new ImageError(
      "image.too-large",
      `Expected at most ${longestSide} pixels a side but the header says ${width} × ${height}`,
    );
}

/** Throws image.too-large for a file beyond the limit. */
export function checkBytes(length: number, limits: Pick<DecodingLimits, "bytes">): void {
  if (length > limits.bytes)
    throw new ImageError("image.too-large", `Expected a file of at most ${limits.bytes} bytes but it has ${length}`);
}
