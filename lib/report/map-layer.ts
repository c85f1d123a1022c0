import { ImageError } from "../contract/errors";
import { renderHeatLayer } from "../imaging/drawing/heatmap";
import type { FloatMap } from "../imaging/image";
import { readNpy } from "../imaging/drawing/npy";

/** Longer side of a layer in a report, pixels: shown at card size, and 500 of them must stay below the report's limit. */
const longestSide = 96;

/** A stored map as a small transparent PNG that lies over the thumbnail. */
export function mapLayer(npy: Uint8Array, signed: boolean): Uint8Array {
  return renderHeatLayer(shrink(mapOf(npy), longestSide), signed);
}

/** A stored map, [height, width] with any leading ones. */
export function mapOf(npy: Uint8Array): FloatMap {
  const { shape, data } = readNpy(npy);
  const [width, height, ...others] = shape.toReversed();
  if (!width || !height || others.some((length) => length !== 1)) {
    throw new ImageError("map.shape", `Expected a map of [height, width] but the array is [${shape.join(", ")}]`);
  }
  return { width, height, data };
}

/** Averages over the pixels that fall into one, by area; a map that is small enough stays as it is. */
export function shrink(map: FloatMap, longest: number): FloatMap {
  const factor = longest / Math.max(map.width, map.height);
  if (factor >= 1) return map;
  const width = Math.max(1, Math.round(map.width * factor));
  const height = Math.max(1, Math.round(map.height * factor));
  const rows = shrinkLines(map.data, map.width, width, map.height, map.width, 1, width, 1);
  return { width, height, data: shrinkLines(rows, map.height, height, width, 1, width, 1, width) };
}

function shrinkLines(
  data: Float32Array,
  from: number,
  to: number,
  lines: number,
  lineStep: number,
  step: number,
  outLineStep: number,
  outStep: number,
): Float32Array {
  const out = new Float32Array(lines * to);
  const scale = from / to;
  for (let i = 0; i < to; i++) {
    const [start, end] = [i * scale, (i + 1) * scale];
    for (let k = Math.floor(start); k < Math.min(from, Math.ceil(end)); k++) {
      const weight = (Math.min(end, k + 1) - Math.max(start, k)) / scale;
      for (let line = 0; line < lines; line++) {
        const at = line * outLineStep + i * outStep;
        out[at] = (out[at] as number) + weight * (data[line * lineStep + k * step] as number);
      }
    }
  }
  return out;
}
