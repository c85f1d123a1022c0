/** A colour in OKLab (B. Ottosson, 2020): lightness 0..1, green–red, blue–yellow. Distances are differences as seen. */
export type Oklab = readonly [lightness: number, a: number, b: number];

/** Linear-light sRGB; outside 0..1 where sRGB cannot show the colour. */
function toLinear([lightness, a, b]: Oklab): [number, number, number] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** Eight-bit sRGB of a colour; what sRGB cannot show is clipped. */
export function toSrgb(colour: Oklab): [number, number, number] {
  return toLinear(colour).map((light) => {
    const clipped = Math.min(1, Math.max(0, light));
    const encoded = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
    return Math.round(255 * encoded);
  }) as [number, number, number];
}

/** OKLab of an eight-bit sRGB colour. */
export function fromSrgb(levels: readonly [number, number, number]): Oklab {
  const [red, green, blue] = levels.map((level) => {
    const encoded = level / 255;
    return encoded <= 0.04045 ? encoded / 12.92 : ((encoded + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** The colour of this lightness and hue (degrees) with the chroma asked for, or as much of it as sRGB can show. */
export function withinGamut(lightness: number, chroma: number, hue: number): Oklab {
  const angle = (hue * Math.PI) / 180;
  const at = (c: number): Oklab => [lightness, c * Math.cos(angle), c * Math.sin(angle)];
  const shown = (c: number): boolean => toLinear(at(c)).every((light) => light >= -1e-6 && light <= 1 + 1e-6);
  if (shown(chroma)) return at(chroma);
  let low = 0;
  let high = chroma;
  for (let i = 0; i < 24; i++) {
    const middle = (low + high) / 2;
    if (shown(middle)) low = middle;
    else high = middle;
  }
  return at(low);
}
