import { fromChannels, type Attribution, type ImageDims } from "./attribution";
import { refuseEqualBaseline } from "./baselines";
import { completenessOf, finite } from "./completeness";
import { gaussLegendre } from "./gauss-legendre";
import type { GradientFunction } from "./gradient-function";
import { networkImage, type NetworkImage } from "./network-image";
import { accumulate, groupsOf, StraightPath } from "./straight-path";

/** Points evaluated at once: what keeps memory independent of their number. */
const defaultGroup = 8;

/**
 * Integrated gradients from a fixed number of Gauss–Legendre points, as Captum and the study's successors take them.
 * No refinement, so nothing is said of convergence; the completeness figures still are.
 *
 * @param evaluate F and dF/dx, for example `model.gradient(target)`
 * @param image what `imageFor` returns, or values and (after the baseline) their [channels, height, width]; normalised as the
 * network expects
 * @param baseline of the same shape, for example `baselineImage("white", image)`
 * @param steps points of the quadrature; F at both ends takes two more passes
 * @param group points evaluated at once. Default: 8
 * @returns a signed map [height, width], summed over the channels, in units of the target output
 * @throws UserError "attribution.baseline-equals-image", "attribution.baseline-shape" or "attribution.image-shape";
 * ImageError "inference.not-finite" when the network's values are not finite
 * @example
 * ```ts
 * import { fixedIntegratedGradients } from "cytolens";
 *
 * // F(x) = x² from 1 to 3: the attribution is 9 − 1.
 * const square = async (points: readonly Float32Array[]) => ({
 *   values: Float64Array.from(points, ([x = 0]) => x * x),
 *   gradients: points.map(([x = 0]) => Float32Array.of(2 * x)),
 * });
 * const pixel = { tensor: Float32Array.of(3), dims: [1, 1, 1] as const };
 * const { map } = await fixedIntegratedGradients(square, pixel, Float32Array.of(1), 4);
 * console.log(map[0]?.toFixed(4)); // 8.0000
 * ```
 */
export function fixedIntegratedGradients(
  evaluate: GradientFunction,
  image: NetworkImage,
  baseline: Float32Array,
  steps: number,
  group?: number,
): Promise<Attribution>;
export function fixedIntegratedGradients(
  evaluate: GradientFunction,
  image: Float32Array,
  baseline: Float32Array,
  dims: ImageDims,
  steps: number,
  group?: number,
): Promise<Attribution>;
export async function fixedIntegratedGradients(
  evaluate: GradientFunction,
  image: NetworkImage | Float32Array,
  baseline: Float32Array,
  ...rest: readonly [steps: number, group?: number] | readonly [dims: ImageDims, steps: number, group?: number]
): Promise<Attribution> {
  return image instanceof Float32Array
    ? byQuadrature(evaluate, networkImage(image, rest[0] as ImageDims), baseline, rest[1] as number, rest[2])
    : byQuadrature(evaluate, networkImage(image), baseline, rest[0] as number, rest[1]);
}

async function byQuadrature(
  evaluate: GradientFunction,
  { tensor: image, dims }: NetworkImage,
  baseline: Float32Array,
  steps: number,
  group = defaultGroup,
): Promise<Attribution> {
  refuseEqualBaseline(image, baseline);
  const path = new StraightPath(image, baseline);
  const { points, weights } = gaussLegendre(steps);
  const nodes = [
    ...Array.from(points, (share, index) => ({ share, weight: weights[index] as number })),
    { share: 0, weight: 0 },
    { share: 1, weight: 0 },
  ];
  const total = new Float64Array(image.length);
  let change = 0;
  for (const some of groupsOf(nodes, group)) {
    const { values, gradients } = await evaluate(path.pointsAt(some.map(({ share }) => share)));
    for (const [index, { share, weight }] of some.entries()) {
      if (weight > 0) accumulate(total, gradients[index] as Float32Array, weight);
      else change += share === 1 ? (values[index] as number) : -(values[index] as number);
    }
  }
  const map = path.timesDifference(total);
  const passes = nodes.length;
  return fromChannels(
    map,
    dims,
    { ...completenessOf(map, finite(change)), mapChange: null, passes, converged: null },
    { forward: passes, backward: passes },
  );
}
