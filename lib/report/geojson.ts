import { createHash } from "node:crypto";
import type { MethodName } from "../contract/methods";
import type { Explanation, Result } from "../contract/result";
import type { FloatMap } from "../imaging/image";
import { attributedRegions } from "../imaging/drawing/regions";
import { classColour } from "../html/class-colours";

/** A method's map as the network's input has it (or as the whole seen region has it). */
export interface ExplainedMap {
  readonly method: MethodName;
  readonly map: FloatMap;
}

/** As much of a result as annotations are made of. */
export interface Explained extends Pick<Result, "seen" | "prediction"> {
  readonly image: Pick<Result["image"], "sha256">;
  readonly explanations: readonly Pick<Explanation, "method" | "target" | "completeness">[];
}

/**
 * The regions that speak for the explained class as GeoJSON that QuPath opens (File > Import objects): a FeatureCollection of
 * Polygons (RFC 7946, 3.1.6) in the image's pixels, each an annotation with class, colour and measurements. Signed maps
 * contribute what speaks for the class.
 */
export function annotations(result: Explained, maps: readonly ExplainedMap[]): string {
  const { seen, prediction, explanations, image } = result;
  const features = maps.flatMap(({ method, map }) => {
    const explanation = explanations.find((candidate) => candidate.method === method);
    const target = explanation?.target ?? { classIndex: prediction.classIndex, className: prediction.className };
    const toImage = (x: number, y: number): [number, number] => [
      rounded(seen.left + (x * seen.width) / map.width),
      rounded(seen.top + (y * seen.height) / map.height),
    ];
    return attributedRegions(map, toImage).map(({ polygon, share, mean, maximum }, i) => ({
      type: "Feature",
      id: uuid(`${image.sha256} ${target.className} ${method} ${i}`),
      geometry: { type: "Polygon", coordinates: [polygon] },
      properties: {
        objectType: "annotation",
        name: `${method} ${i + 1}`,
        isLocked: false,
        classification: { name: target.className, color: classColour(target.classIndex) },
        measurements: {
          "Class score": prediction.probabilities[target.classIndex] ?? prediction.probability,
          "Attribution share": share,
          "Attribution mean": mean,
          "Attribution maximum": maximum,
          ...(explanation?.completeness.relative == null
            ? {}
            : { "Completeness error (relative)": explanation.completeness.relative }),
        },
      },
    }));
  });
  return `${JSON.stringify({ type: "FeatureCollection", features })}\n`;
}

const rounded = (pixels: number): number => Math.round(pixels * 100) / 100;

/** QuPath names objects by UUID; the same region gets the same one every time (RFC 9562, version 8). */
function uuid(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
