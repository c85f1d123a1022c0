import { sha256Of } from "../contract/digests";
import { ImageError } from "../contract/errors";
import type { ModelCard } from "../contract/model-card";
import type { Result } from "../contract/result";
import type { Settings } from "../contract/settings";
import type { Decoder } from "../imaging/preparing/decoder";
import type { FloatMap, RgbImage } from "../imaging/image";
import type { ImageFacts } from "../imaging/preparing/prepare";
import {
  cropToFrame,
  frame,
  normalise,
  seenRegion,
  type Framing,
  type NetworkInput,
} from "../imaging/preparing/preprocess";
import { thumbnail } from "../imaging/preparing/thumbnail";
import type { Region } from "../contract/region";
import { crop } from "../imaging/crop";
import { joinMaps, resizeMap, tilesOf } from "../imaging/preparing/tiles";

/** An image as one network input, or as several: its tiles. */
export interface PreparedImages {
  readonly image: ImageFacts;
  /** What maps are laid over: the part the network sees, or the whole of a tiled image. */
  readonly picture: RgbImage;
  readonly seen: Result["seen"];
  readonly thumbnail: Uint8Array;
  readonly parts: readonly { readonly tensor: Float32Array; readonly framing: Framing; readonly tile?: Region }[];
}

export interface Preparation {
  readonly settings: Pick<Settings, "mask" | "tileSize">;
  readonly card: ModelCard;
  /** The network's own size. */
  readonly input: { readonly height: number; readonly width: number };
}

/** A tiled image is held whole, with a map of its size for each method: so it has its own limit. */
const mostTiledPixels = 25_000_000;

export async function prepareImage(
  decoder: Decoder,
  bytes: Uint8Array,
  { settings, card, input }: Preparation,
): Promise<PreparedImages> {
  // A classifier takes channels first, whatever the layout in its file.
  const network: NetworkInput = { ...card.input, height: input.height, width: input.width, layout: "NCHW" };
  if (settings.tileSize === null) return whole(decoder, bytes, network, settings.mask);
  const { data, ...facts } = await decoder.decode(bytes);
  if (Math.max(facts.width, facts.height) <= settings.tileSize) return whole(decoder, bytes, network, settings.mask);
  if (facts.width * facts.height > mostTiledPixels) {
    throw new ImageError(
      "image.too-large-to-tile",
      `Expected at most ${mostTiledPixels} pixels to classify tile by tile but the image has ${facts.width} × ${facts.height}`,
    );
  }
  const picture: RgbImage = { width: facts.width, height: facts.height, data };
  const parts = tilesOf(facts.width, facts.height, settings.tileSize).map((tile) => {
    const framing = frame(tile.width, tile.height, network);
    return { tile, framing, tensor: normalise(cropToFrame(crop(picture, tile), framing, settings.mask), network) };
  });
  return {
    image: { ...facts, sha256: sha256Of(bytes) },
    picture,
    parts,
    seen: { left: 0, top: 0, width: facts.width, height: facts.height },
    thumbnail: await thumbnail(picture),
  };
}

async function whole(
  decoder: Decoder,
  bytes: Uint8Array,
  input: NetworkInput,
  mask: Settings["mask"],
): Promise<PreparedImages> {
  const { image, framing, seen, tensor, thumbnail: small } = await decoder.prepare(bytes, { input, mask });
  return { image, picture: seen, seen: seenRegion(framing), thumbnail: small, parts: [{ tensor, framing }] };
}

/** The maps of an image's parts as one map over its picture. What no tile's network saw stays at zero. */
export function stitch({ parts, picture }: PreparedImages, maps: readonly FloatMap[]): FloatMap {
  const [only] = maps;
  if (only && parts.every(({ tile }) => tile === undefined)) return only;
  return joinMaps(
    picture.width,
    picture.height,
    parts.flatMap(({ tile, framing }, index) => {
      const map = maps[index];
      return tile && map ? [{ tile, map: placed(map, tile, seenRegion(framing)) }] : [];
    }),
  );
}

function placed(map: FloatMap, tile: Region, seen: Region): FloatMap {
  const resized = resizeMap(map, seen.width, seen.height);
  const data = new Float32Array(tile.width * tile.height);
  for (let y = 0; y < seen.height; y++) {
    data.set(resized.data.subarray(y * seen.width, (y + 1) * seen.width), (seen.top + y) * tile.width + seen.left);
  }
  return { width: tile.width, height: tile.height, data };
}
