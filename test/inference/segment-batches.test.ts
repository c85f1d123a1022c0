import { classModelOf } from "../../lib/inference/class-model";
import { gradientGraphOf } from "../../lib/inference/gradient-graph";
import { GradientSession } from "../../lib/inference/gradient-session";
import { batchWithin, demandOf } from "../../lib/inference/memory-budget";
import { peakActivationBytes, weightBytes } from "../../lib/onnx/graph-memory";
import { networkNamed } from "../../lib/networks/catalogue";
import { weightsByName } from "../networks/name-rule";

const network = networkNamed("resnet50-mini", { classes: 3, size: 64 });
const source = classModelOf(network.build(weightsByName(network)));
const single = gradientGraphOf(source, { batch: 1, of: "logit", rule: "true", along: "segments" });
/** Node, and the model as it was read. */
const held = 96 * 2 ** 20 + 2 * weightBytes(source.model);
const budgetFor = (segments: number): number => 2 * weightBytes(single) + segments * 1.4 * peakActivationBytes(single);

test("the fewer segments fit a budget, the fewer are computed at once", () => {
  expect([9, 4, 2].map((segments) => batchWithin(budgetFor(segments), demandOf(single), 9))).toEqual([9, 4, 2]);
  expect(() => batchWithin(weightBytes(single), demandOf(single), 9)).toThrow(
    expect.objectContaining({ code: "memory.too-small" }),
  );
});

test("a chain of 18 segments has the same mean gradients whatever the memory and the workers", async () => {
  const end = Float32Array.from(
    { length: 3 * 64 * 64 },
    (_, index) => Math.sin(index * 0.37) + Math.cos(index * 0.011),
  );
  const points = Array.from({ length: 19 }, (_, cut) => end.map((value) => (value * cut) / 18));
  const along = async (options: ConstructorParameters<typeof GradientSession>[2]) => {
    const session = new GradientSession(source, "", options);
    const result = await session.segmentGradientFunction({ classIndex: 1, of: "logit" })(points);
    await session.close();
    return result;
  };
  const [plenty, ...others] = await Promise.all(
    [
      { workers: 1 },
      { workers: 1, memoryBytes: held + 2 * budgetFor(4) },
      { workers: 1, memoryBytes: held + 2 * budgetFor(1) },
      { workers: 2, threads: 2 },
    ].map(along),
  );
  expect(plenty!.gradients).toHaveLength(18);
  const scale = Math.max(...plenty!.gradients[9]!.map(Math.abs));
  for (const { start, end: last, gradients } of others) {
    expect(start).toBeCloseTo(plenty!.start, 4);
    expect(last).toBeCloseTo(plenty!.end, 4);
    gradients.forEach((gradient, segment) =>
      gradient.forEach((value, at) => {
        if (Math.abs(value - plenty!.gradients[segment]![at]!) > 1e-4 * scale)
          throw new Error(`segment ${segment}, element ${at}: ${value}, not ${plenty!.gradients[segment]![at]}`);
      }),
    );
  }
});
