import { createHash } from "node:crypto";
import type { Colour } from "../../contract/settings";
import { decode, type PictureFacts } from "../decoding/decode";
import type { RgbImage } from "../image";
import { type DecodingLimits, defaultLimits } from "../decoding/limits";
import { cropToFrame, frame, type Framing, type NetworkInput, normalise } from "./preprocess";
import { thumbnail } from "./thumbnail";
import { uniformityNotes } from "./uniformity";

/** Facts about a decoded image, without its pixels. */
export interface ImageFacts extends PictureFacts {
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
  readonly colour?: Colour | undefined;
}

/** Decodes an image and makes the network's input, the picture for overlays and the thumbnail of it. Throws ImageError as `decode` does. */
export async function prepare(
  bytes: Uint8Array,
  { input, mask = "none", colour = "profile" }: PreparationRequest,
  limits: DecodingLimits = defaultLimits,
): Promise<PreparedImage> {
  const { data, ...facts } = await decode(bytes, limits, colour);
  const whole = { width: facts.width, height: facts.height, data };
  const framing = frame(whole.width, whole.height, input);
  const seen = cropToFrame(whole, framing);
  const masked = mask === "none" ? seen : cropToFrame(whole, framing, mask);
  return {
    image: {
      ...facts,
      warnings: [...facts.warnings, ...uniformityNotes(whole)],
      sha256: createHash("sha256").update(bytes).digest("hex"),
    },
    framing,
    seen,
    tensor: normalise(masked, input),
    thumbnail: await thumbnail(seen),
  };
}
