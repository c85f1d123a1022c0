import { ImageError } from "../../contract/errors";
import { quantile } from "../../numeric/quantiles";
import type { FloatMap } from "../image";

/** The values that the ends of a colour scale stand for. */
export interface MapScale {
  readonly signed: boolean;
  /** Value of the strongest colour, at least 0; values beyond are shown as this one. */
  readonly limit: number;
}

/**
 * The scale of a map: clipped at the 99th percentile of its magnitudes, as the study's views are, so that a few extreme
 * pixels do not darken the rest; the maximum where the percentile is zero. Throws explanation.not-finite for NaN and infinities.
 */
export function scaleOf({ data }: FloatMap, signed: boolean): MapScale {
  const magnitudes = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!Number.isFinite(value))
      throw new ImageError(
        "explanation.not-finite",
        `Expected finite values in the attribution map but found ${value}`,
      );
    magnitudes[i] = signed ? Math.abs(value) : Math.max(0, value);
  }
  magnitudes.sort();
  return { signed, limit: quantile(magnitudes, 0.99) || (magnitudes.at(-1) ?? 0) };
}

/** A value's place on the scale: −1..1 when signed, else 0..1. */
export function onScale(value: number, { signed, limit }: MapScale): number {
  if (limit === 0) return 0;
  return Math.min(1, Math.max(signed ? -1 : 0, value / limit));
}
