import type { ImageDims } from "../../lib/attribution/attribution";
import { baselineImage } from "../../lib/attribution/baselines";
import { fixedIntegratedGradients } from "../../lib/attribution/fixed-integrated-gradients";
import { gradCam } from "../../lib/attribution/grad-cam";
import { gradient } from "../../lib/attribution/gradient";
import { atMidpoints, type GradientFunction } from "../../lib/attribution/gradient-function";
import { guidedBackprop } from "../../lib/attribution/guided-backprop";
import { guidedGradCam } from "../../lib/attribution/guided-grad-cam";
import { inputTimesGradient } from "../../lib/attribution/input-x-gradient";
import { integratedGradients } from "../../lib/attribution/integrated-gradients";
import { studyIntegratedGradients } from "../../lib/attribution/study-integrated-gradients";

const dims: ImageDims = [2, 2, 2];
const tensor = Float32Array.of(1, -2, 3, 0.5, 2, 1, -1, 4);
const normalisation = { scale: 1 / 255, mean: [0.5, 0.25], std: [0.5, 1] };
const image = { tensor, dims, normalisation };
const baseline = new Float32Array(8);

const cubes: GradientFunction = async (points) => ({
  values: Float64Array.from(points, (point) => point.reduce((sum, x) => sum + x ** 3, 0)),
  gradients: points.map((point) => point.map((x) => 3 * x * x)),
});
const layer = async (points: readonly Float32Array[]) => ({
  values: new Float64Array(points.length),
  dims,
  activations: points,
  gradients: points.map((point) => point.map((x) => x + 1)),
});
const segments = atMidpoints(cubes);

test.each<[string, () => Promise<unknown>, () => Promise<unknown>]>([
  ["gradient", () => gradient(cubes, image), () => gradient(cubes, tensor, dims)],
  ["inputTimesGradient", () => inputTimesGradient(cubes, image), () => inputTimesGradient(cubes, tensor, dims)],
  ["gradCam", () => gradCam(layer, image), () => gradCam(layer, tensor, dims)],
  ["guidedBackprop", () => guidedBackprop(cubes, image), () => guidedBackprop(cubes, tensor, dims)],
  ["guidedGradCam", () => guidedGradCam(cubes, layer, image), () => guidedGradCam(cubes, layer, tensor, dims)],
  [
    "integratedGradients",
    () => integratedGradients(segments, image, baseline, { group: 3 }),
    () => integratedGradients(segments, tensor, baseline, dims, { group: 3 }),
  ],
  [
    "fixedIntegratedGradients",
    () => fixedIntegratedGradients(cubes, image, baseline, 3, 2),
    () => fixedIntegratedGradients(cubes, tensor, baseline, dims, 3, 2),
  ],
  [
    "studyIntegratedGradients",
    () => studyIntegratedGradients(cubes, image, { seed: 5 }),
    () => studyIntegratedGradients(cubes, tensor, dims, normalisation, { seed: 5 }),
  ],
  [
    "baselineImage",
    async () => baselineImage("random", image, { seed: 3, sample: 2 }),
    async () => baselineImage("random", tensor, dims, normalisation, { seed: 3, sample: 2 }),
  ],
])("%s takes what imageFor returns, or values and their shape", async (_name, whole, apart) => {
  expect(await whole()).toEqual(await apart());
});

test.each<[string, () => unknown, string]>([
  ["no shape", () => gradient(cubes, ...([tensor] as unknown as [Float32Array, ImageDims])), "but received no shape"],
  ["another shape", () => gradCam(layer, tensor, [1, 2, 2]), "image's 8 values but received [1, 2, 2]"],
  [
    "another shape in an image",
    () => integratedGradients(segments, { tensor, dims: [2, 2, 3] }, baseline),
    "[2, 2, 3]",
  ],
])("values with %s are refused", async (_name, explained, sentence) => {
  await expect(Promise.resolve().then(explained)).rejects.toMatchObject({
    code: "attribution.image-shape",
    message: expect.stringContaining(sentence),
  });
});

test("a normalisation of one value serves all channels of a baseline, as it does those of an image", () => {
  const grey = { tensor, dims, normalisation: { scale: 1 / 255, mean: [0.5], std: [0.25] } };
  expect([...baselineImage("white", grey)]).toEqual(Array.from({ length: 8 }, () => 2));
});
