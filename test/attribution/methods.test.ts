import { baselineImage } from "../../lib/attribution/baselines";
import { imageNetNormalisation } from "../../lib/contract/normalisation";
import { gaussLegendre } from "../../lib/attribution/gauss-legendre";
import { gradCam } from "../../lib/attribution/grad-cam";
import { gradient } from "../../lib/attribution/gradient";
import { guidedGradCam } from "../../lib/attribution/guided-grad-cam";
import { inputTimesGradient } from "../../lib/attribution/input-x-gradient";
import { fixedIntegratedGradients } from "../../lib/attribution/fixed-integrated-gradients";
import { integratedGradients } from "../../lib/attribution/integrated-gradients";
import { studyIntegratedGradients } from "../../lib/attribution/study-integrated-gradients";
import { alongSegments, cubes, pointwise, squares } from "./analytic";

const dims = [2, 1, 3] as const;
const image = Float32Array.of(1, 2, 3, -1, 0.5, 2);
const black = new Float32Array(6);

const layer = async () => ({
  values: Float64Array.of(1),
  dims: [2, 1, 2] as const,
  activations: [Float32Array.of(1, 3, 2, 0)],
  gradients: [Float32Array.of(1, 3, -2, 0)],
});

const near = (values: Float32Array, wanted: readonly number[], digits = 5) => {
  expect(values).toHaveLength(wanted.length);
  wanted.forEach((value, index) => expect(values[index]).toBeCloseTo(value, digits));
};

describe("gradient methods on Σ x²", () => {
  test("the gradient is 2x, summed over channels", async () => {
    const { map, perChannel, cost, completeness } = await gradient(pointwise(squares), image, dims);
    near(perChannel!, [2, 4, 6, -2, 1, 4]);
    near(map, [0, 5, 10]);
    expect(cost).toEqual({ forward: 1, backward: 1 });
    expect(completeness.delta).toBeNull();
  });

  test("input × gradient is 2x²", async () => {
    near((await inputTimesGradient(pointwise(squares), image, dims)).map, [4, 8.5, 26]);
  });
});

describe("integrated gradients", () => {
  test("of Σ x² is x² − b², whatever the number of steps", async () => {
    for (const steps of [1, 2, 7]) {
      const { perChannel, completeness } = await fixedIntegratedGradients(
        pointwise(squares),
        image,
        black,
        dims,
        steps,
      );
      near(perChannel!, [1, 4, 9, 1, 0.25, 4]);
      expect(completeness.delta).toBeCloseTo(0, 5);
      expect(completeness.passes).toBe(steps + 2);
      expect(completeness.converged).toBeNull();
    }
  });

  test("refines until the map is settled and adds up", async () => {
    const { perChannel, completeness } = await integratedGradients(alongSegments(cubes), image, black, dims);
    const wanted = [1, 8, 27, -1, 0.125, 8];
    wanted.forEach((value, index) => expect(Math.abs(perChannel![index]! / value - 1)).toBeLessThan(0.005));
    expect(completeness).toMatchObject({ passes: 20, converged: true });
    expect(completeness.mapChange! / 3.5).toBeLessThan(0.1);
  });

  test("says so when 56 passes were not enough", async () => {
    const { completeness } = await integratedGradients(alongSegments(cubes), image, black, dims, {
      tolerance: { map: 1e-9 },
    });
    expect(completeness.converged).toBe(false);
    expect(completeness.passes).toBe(56);
    expect(completeness.mapChange).toBeGreaterThan(1e-9);
  });

  test("gives the same map whatever the size of the groups", async () => {
    const maps = await Promise.all(
      [1, 3, 8].map((group) => integratedGradients(alongSegments(cubes), image, black, dims, { group })),
    );
    for (const { map } of maps) near(map, Array.from(maps[0]!.map));
  });

  test("refuses a baseline equal to the image, and values that are not finite", async () => {
    await expect(integratedGradients(alongSegments(squares), image, image, dims)).rejects.toMatchObject({
      code: "attribution.baseline-equals-image",
    });
    const broken = { value: () => Number.NaN, slope: squares.slope };
    await expect(integratedGradients(alongSegments(broken), image, black, dims)).rejects.toMatchObject({
      code: "inference.not-finite",
    });
    await expect(fixedIntegratedGradients(pointwise(broken), image, black, dims, 3)).rejects.toMatchObject({
      code: "inference.not-finite",
    });
  });

  test("the study's way takes 50 left steps from each of 10 baselines", async () => {
    const evaluate = pointwise(squares);
    const { completeness, cost } = await studyIntegratedGradients(evaluate, image, dims, imageNetNormalisation, {
      seed: 4,
    });
    expect(evaluate.evaluations()).toBe(510);
    expect(cost.backward).toBe(510);
    // A left sum of a convex function falls short by the mean of |x − b|² / 50.
    expect(completeness.delta).toBeLessThan(0);
    const again = await studyIntegratedGradients(pointwise(squares), image, dims, imageNetNormalisation, {
      seed: 4,
      group: 3,
    });
    expect(again.completeness.delta).toBeCloseTo(completeness.delta!, 6);
  });
});

describe("Grad-CAM", () => {
  test("weighs channels by the mean gradient, keeps the positive part and enlarges it", async () => {
    const { signed, map } = await gradCam(layer, new Float32Array(2 * 2 * 4), [2, 2, 4]);
    near(signed.map, [2 * 1 - 1 * 2, 2 * 3 - 0]);
    near(map, [0, 1.5, 4.5, 6, 0, 1.5, 4.5, 6]);
  });

  test("guided Grad-CAM multiplies the two", async () => {
    const { map } = await guidedGradCam(pointwise(squares), layer, Float32Array.of(1, 2), [1, 1, 2]);
    near(map, [2 * 0, 4 * 6]);
  });
});

test("Gauss–Legendre weights sum to 1 and integrate polynomials of degree 2n − 1 exactly", () => {
  for (const count of [1, 2, 5, 32]) {
    const { points, weights } = gaussLegendre(count);
    const integral = (degree: number) => points.reduce((sum, x, index) => sum + weights[index]! * x ** degree, 0);
    expect(integral(0)).toBeCloseTo(1, 12);
    expect(integral(2 * count - 1)).toBeCloseTo(1 / (2 * count), 12);
  }
});

test("baselines are in normalised units; a random one depends on seed and sample alone", () => {
  const tall = new Float32Array(3 * 4).fill(0.25);
  const shape = [3, 2, 2] as const;
  const make = (name: "black" | "white" | "mean" | "random", options = {}) =>
    baselineImage(name, tall, shape, imageNetNormalisation, options);
  expect(make("black")[0]).toBeCloseTo(-0.485 / 0.229, 5);
  expect(make("white")[11]).toBeCloseTo((1 - 0.406) / 0.225, 5);
  expect(make("mean")[5]).toBeCloseTo(0.25, 6);
  const noise = make("random", { seed: 1, sample: 2 });
  expect(make("random", { seed: 1, sample: 2 })).toEqual(noise);
  expect(make("random", { seed: 1, sample: 3 })).not.toEqual(noise);
  const levels = Array.from(
    baselineImage("random", new Float32Array(30_000), [3, 100, 100], {
      scale: 1 / 255,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    }),
  );
  expect(levels.reduce((sum, level) => sum + level, 0) / levels.length).toBeCloseTo(0.5, 2);
  expect(Math.min(...levels)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...levels)).toBeLessThan(1);
});
