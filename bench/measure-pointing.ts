import { imageNetNormalisation } from "../lib/contract/normalisation";
import type { CompleteMethod } from "../lib/contract/methods";
import { pointingOf } from "./pointing-game";
import { normalise } from "../lib/imaging/preparing/preprocess";
import { resizeBilinear } from "../lib/imaging/preparing/resample";
import type { Classifier } from "../lib/inference/classifier";
import { phantomClasses } from "../lib/phantom/cell";
import { phantomField } from "../lib/phantom/phantom";
import { signMask } from "../lib/phantom/write-phantoms";
import { applyMethod } from "../lib/explaining/apply-method";

export interface PointingResult {
  readonly method: string;
  readonly fields: number;
  /** Share of explanations whose highest point lies on a cell that carries the sign. */
  readonly hits: number;
  /** Mean share of the positive attribution on those cells. */
  readonly mass: number;
  /** Mean share of the image that they cover. */
  readonly chance: number;
}

export interface PointingOptions {
  readonly methods: readonly CompleteMethod[];
  readonly fieldsPerClass: number;
  /** Of the fields; to differ from that of the training data. */
  readonly seed: number;
}

/** Pixels of a field before it is made the network's input, as the demo draws them. */
const fieldSize = 512;
/** Smoothing before the highest point is taken, as a share of the input's width. */
const smoothing = 0.02;

/**
 * Explains the true class of phantom fields and looks whether the explanations point at the cells that make the field belong to it.
 * The model's classes must be the phantoms'.
 */
export async function measurePointing(
  classifier: Classifier,
  { methods, fieldsPerClass, seed }: PointingOptions,
): Promise<PointingResult[]> {
  const { height: size, width } = classifier.input;
  if (size !== width) throw new RangeError(`Expected a square input but received ${width} × ${size}`);
  const normalisation = classifier.card?.input ?? imageNetNormalisation;
  const sums = methods.map(() => ({ hits: 0, mass: 0, chance: 0 }));
  for (const className of phantomClasses) {
    for (let index = 0; index < fieldsPerClass; index++) {
      const field = phantomField({ className, size: fieldSize, seed, index });
      const signs = signMask(field);
      const small = resizeBilinear(
        {
          width: fieldSize,
          height: fieldSize,
          data: Uint8Array.from({ length: 3 * signs.length }, (_, at) => signs[Math.floor(at / 3)] as number),
        },
        size,
        size,
      );
      const cause = Uint8Array.from({ length: size * size }, (_, pixel) =>
        (small.data[3 * pixel] as number) > 127 ? 1 : 0,
      );
      const image = normalise(resizeBilinear(field, size, size), classifier.card?.input);
      const target = { classIndex: classifier.classNames.indexOf(className), of: "logit" } as const;
      for (const [at, method] of methods.entries()) {
        const { map } = await applyMethod(classifier, method, target, image, normalisation);
        const { hit, mass, chance } = pointingOf(map, cause, size, smoothing * size);
        const sum = sums[at];
        if (!sum) continue;
        sum.hits += hit ? 1 : 0;
        sum.mass += Number.isNaN(mass) ? 0 : mass;
        sum.chance += chance;
      }
    }
  }
  const fields = phantomClasses.length * fieldsPerClass;
  return methods.map((method, at) => ({
    method: method.name === "integrated-gradients" ? `${method.name} from ${method.baseline}` : method.name,
    fields,
    hits: (sums[at]?.hits ?? 0) / fields,
    mass: (sums[at]?.mass ?? 0) / fields,
    chance: (sums[at]?.chance ?? 0) / fields,
  }));
}
