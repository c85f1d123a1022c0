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
import { JoinedTiles, resizeMap, tilesOf } from "../imaging/preparing/tiles";
import { uniformityNotes } from "../imaging/preparing/uniformity";

/** An image as one network input, or as several: its tiles. */
export interface PreparedImages {
  readonly image: ImageFacts;
  /** What maps are laid over: the part the network sees, or the whole of a tiled image (made smaller, where it is large). */
  readonly picture: RgbImage;
  readonly seen: Result["seen"];
  readonly thumbnail: Uint8Array;
  readonly parts: readonly Part[];
  /** The network's input of each part, in their order, a few at a time. */
  tensors(): AsyncIterable<readonly Float32Array[]>;
}

interface Part {
  readonly framing: Framing;
  /** Where the part lies in the picture. */
  readonly place?: Region;
}

export interface Preparation {
  readonly settings: Pick<Settings, "mask" | "tileSize" | "colour">;
  readonly card: ModelCard;
  /** The network's own size. */
  readonly input: { readonly height: number; readonly width: number };
}

/** An image that is tiled is held whole, with a map of its size for each method, up to here; a larger one by a smaller picture. */
const mostTiledPixels = 25_000_000;
/** More tiles than that are hours of work, and hardly meant. */
const mostTiles = 20_000;
/** Tiles that are decoded, and held as tensors, at once. */
const tilesAtOnce = 16;
const mostPixelsAtOnce = 12_000_000;

export async function prepareImage(
  decoder: Decoder,
  bytes: Uint8Array,
  { settings, card, input }: Preparation,
  mostPixels = mostTiledPixels,
): Promise<PreparedImages> {
  // A classifier takes channels first, whatever the layout in its file.
  const network: NetworkInput = { ...card.input, height: input.height, width: input.width, layout: "NCHW" };
  const { tileSize } = settings;
  if (tileSize === null) return whole(decoder, bytes, network, settings);
  const { width, height } = await decoder.measure(bytes);
  if (Math.max(width, height) <= tileSize) return whole(decoder, bytes, network, settings);
  return width * height > mostPixels
    ? largeTiled(decoder, bytes, network, { ...settings, tileSize, mostPixels })
    : tiled(decoder, bytes, network, { ...settings, tileSize });
}

type Asked = Preparation["settings"];
type AskedTiled = Asked & { readonly tileSize: number };

async function whole(
  decoder: Decoder,
  bytes: Uint8Array,
  input: NetworkInput,
  { mask, colour }: Asked,
): Promise<PreparedImages> {
  const { image, framing, seen, tensor, thumbnail: small } = await decoder.prepare(bytes, { input, mask, colour });
  return {
    image,
    picture: seen,
    seen: seenRegion(framing),
    thumbnail: small,
    parts: [{ framing }],
    tensors: () => inOrder([[tensor]]),
  };
}

async function tiled(
  decoder: Decoder,
  bytes: Uint8Array,
  network: NetworkInput,
  { mask, colour, tileSize }: AskedTiled,
): Promise<PreparedImages> {
  const { data, ...facts } = await decoder.decode(bytes, colour);
  const picture: RgbImage = { width: facts.width, height: facts.height, data };
  const tiles = tilesOf(facts.width, facts.height, tileSize);
  const parts = tiles.map((place) => ({ place, framing: frame(place.width, place.height, network) }));
  const tensors = parts.map(({ place, framing }) =>
    normalise(cropToFrame(crop(picture, place), framing, mask), network),
  );
  return {
    image: { ...facts, warnings: [...facts.warnings, ...uniformityNotes(picture)], sha256: sha256Of(bytes) },
    picture,
    parts,
    seen: { left: 0, top: 0, width: facts.width, height: facts.height },
    thumbnail: await thumbnail(picture),
    tensors: () => inOrder([tensors]),
  };
}

/** As `tiled`, but the image never comes into memory as a whole: its tiles are read when the network asks for them. */
async function largeTiled(
  decoder: Decoder,
  bytes: Uint8Array,
  network: NetworkInput,
  { mask, colour = "profile", tileSize, mostPixels }: AskedTiled & { readonly mostPixels: number },
): Promise<PreparedImages> {
  const { width, height } = await decoder.measure(bytes);
  const count = Math.ceil(width / tileSize) * Math.ceil(height / tileSize);
  if (count > mostTiles) {
    throw new ImageError(
      "image.too-large-to-tile",
      `Expected at most ${mostTiles} tiles but ${width} × ${height} pixels are ${count} of ${tileSize} a side: set a larger tileSize`,
    );
  }
  const { facts, reading, picture, factor } = await decoder.overview(bytes, { colour, mostPixels });
  const tiles = tilesOf(facts.width, facts.height, tileSize);
  return {
    image: {
      ...facts,
      warnings: [...facts.warnings, `maps and pictures of it are drawn ${factor} times smaller, for its size`],
      sha256: sha256Of(bytes),
    },
    picture,
    parts: tiles.map((tile) => ({
      place: reduced(tile, factor, picture),
      framing: frame(tile.width, tile.height, network),
    })),
    seen: { left: 0, top: 0, width: facts.width, height: facts.height },
    thumbnail: await thumbnail(picture),
    async *tensors() {
      for (const group of groupsOf(tiles))
        yield await decoder.prepareTiles(bytes, { colour, reading, mask, input: network, tiles: group });
    },
  };
}

/** Neighbours in a row of tiles: what lies between them comes into memory, too. */
function* groupsOf(tiles: readonly Region[]): Generator<Region[]> {
  let group: Region[] = [];
  for (const tile of tiles) {
    const [first] = group;
    const full = first && (tile.left + tile.width - first.left) * tile.height > mostPixelsAtOnce;
    if (first && (full || first.top !== tile.top || group.length === tilesAtOnce)) {
      yield group;
      group = [];
    }
    group.push(tile);
  }
  if (group.length > 0) yield group;
}

/** A tile's place in the picture that was made smaller: at least a pixel, and within it. */
function reduced(tile: Region, factor: number, picture: RgbImage): Region {
  const left = Math.min(picture.width - 1, Math.floor(tile.left / factor));
  const top = Math.min(picture.height - 1, Math.floor(tile.top / factor));
  return {
    left,
    top,
    width: Math.max(1, Math.min(picture.width, Math.round((tile.left + tile.width) / factor)) - left),
    height: Math.max(1, Math.min(picture.height, Math.round((tile.top + tile.height) / factor)) - top),
  };
}

async function* inOrder(groups: readonly (readonly Float32Array[])[]): AsyncGenerator<readonly Float32Array[]> {
  yield* groups;
}

/** The maps of an image's parts as one map over its picture. What no tile's network saw stays at zero. */
export class JoinedMap {
  readonly #joined: JoinedTiles | undefined;
  #only: FloatMap | undefined;

  constructor(private readonly prepared: Pick<PreparedImages, "parts" | "picture">) {
    const { parts, picture } = prepared;
    if (parts.some(({ place }) => place !== undefined)) this.#joined = new JoinedTiles(picture.width, picture.height);
  }

  add(index: number, map: FloatMap): void {
    const part = this.prepared.parts[index];
    if (part?.place && this.#joined) this.#joined.add(part.place, placed(map, part.place, part.framing));
    else this.#only = map;
  }

  finish(): FloatMap {
    const map = this.#joined?.finish() ?? this.#only;
    if (!map)
      throw new ImageError("image.no-parts", "Expected a map of at least one part of the image but there is none");
    return map;
  }
}

/** The network's map over the part of its place that the network saw. */
function placed(map: FloatMap, place: Region, framing: Framing): FloatMap {
  const { imageWidth, imageHeight } = framing;
  const seen = seenRegion(framing);
  const [across, down] = [place.width / imageWidth, place.height / imageHeight];
  const left = Math.min(place.width - 1, Math.round(seen.left * across));
  const top = Math.min(place.height - 1, Math.round(seen.top * down));
  const width = Math.max(1, Math.min(place.width, Math.round((seen.left + seen.width) * across)) - left);
  const height = Math.max(1, Math.min(place.height, Math.round((seen.top + seen.height) * down)) - top);
  const resized = resizeMap(map, width, height);
  const data = new Float32Array(place.width * place.height);
  for (let y = 0; y < height; y++)
    data.set(resized.data.subarray(y * width, (y + 1) * width), (top + y) * place.width + left);
  return { width: place.width, height: place.height, data };
}
