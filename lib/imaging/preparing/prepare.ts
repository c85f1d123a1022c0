import { createHash } from "node:crypto";
import { decode } from "../decoding/decode";
import type { RgbImage } from "../image";
import type { ImageFormat } from "../decoding/image-format";
import { type DecodingLimits, defaultLimits } from "../decoding/limits";
import { cropToFrame, frame, type Framing, type NetworkInput, normalise } from "./preprocess";
import { thumbnail } from "./thumbnail";

/** Facts about a decoded image, without its pixels. */
export interface ImageFacts {
  /** After EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat;
  readonly warnings: readonly string[];
  readonly micronsPerPixel?: number;
  /** Of the file's bytes, hexadecimal. */
  readonly sha256: string;
}

/** An image ready for a network. */
export interface PreparedImage {
  readonly image: ImageFacts;
  readonly framing: Framing;
  /** What the network sees, before masking: for overlays. */
  readonly seen: RgbImage;
  /** [3, height, width] float32, or as `input` says. */
  readonly tensor: Float32Array;
  /** JPEG of what the network sees, at most 10 kB. */
  readonly thumbnail: Uint8Array;
}

export interface PreparationRequest {
  readonly input: NetworkInput;
  readonly mask?: "none" | "otsu" | undefined;
}

/** Decodes an image and makes the network's input, the picture for overlays and the thumbnail of it. Throws ImageError as `decode` does. */
export async function prepare(
  bytes: Uint8Array,
  { input, mask = "none" }: PreparationRequest,
  limits: DecodingLimits = defaultLimits,
): Promise<PreparedImage> {
  const { data, ...facts } = await decode(bytes, limits);
  const whole = { width: facts.width, height: facts.height, data };
  const framing = frame(whole.width, whole.height, input);
  const seen = cropToFrame(whole, framing);
  const masked = mask === "none" ? seen : cropToFrame(whole, framing, mask);
  return {
    image: { ...facts, sha256: createHash("sha256").update(bytes).digest("hex") },
    framing,
    seen,
    tensor: normalise(masked, input),
    thumbnail: await thumbnail(seen),
  };
}
