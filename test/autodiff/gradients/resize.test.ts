import * as fc from "fast-check";
import { expectAdjoint, noiseTensor, runs, type Knowledge, type NodeCase } from "../adjoint";
import { tensorOf } from "../run-model";

const knowledge = fc.constantFrom<Knowledge>("static", "symbolic");

const settings = fc.record({
  mode: fc.constantFrom("nearest", "linear", "cubic"),
  coordinate_transformation_mode: fc.constantFrom(
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
  ),
  nearest_mode: fc.constantFrom("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
  exclude_outside: fc.constantFrom(0, 1),
  antialias: fc.constantFrom(0, 0, 1),
  extents: fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: 6 })),
  by: fc.constantFrom("scales", "whole scales", "sizes", "not_larger", "not_smaller"),
  scales: fc.tuple(fc.constantFrom(0.5, 0.61, 1, 1.5, 2, 2.4), fc.constantFrom(0.5, 0.7, 1, 1.3, 2, 3)),
  sizes: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
  axes: fc.constantFrom<number[] | undefined>(undefined, [2, 3], [-1, -2], [2]),
});

test("Resize: adjoint identity over modes, coordinates, roundings, axes, sizes and scales", async () => {
  await fc.assert(
    fc.asyncProperty(settings, knowledge, async (drawn, known) => {
      const {
        mode,
        coordinate_transformation_mode: coordinates,
        nearest_mode,
        exclude_outside,
        antialias,
        extents,
        by,
        axes,
      } = drawn;
      const spatial = (values: readonly number[]): number[] =>
        (axes ?? [0, 1, 2, 3]).map((axis) => [2, 3, ...values].at(axis)!);
      const scaleOf = by === "whole scales" ? drawn.scales.map(Math.ceil) : drawn.scales;
      const scales = (axes ?? [0, 1, 2, 3]).map((axis) => [1, 1, ...scaleOf].at(axis)!);
      const cropped = coordinates === "tf_crop_and_resize";
      const count = axes?.length ?? 4;
      const edges = (inner: number, outer: number): number[] =>
        Array.from({ length: count }, (_, index) => (axes || index > 1 ? inner : outer));
      const roi = [...edges(0.1, 0), ...edges(0.8, 1)];
      const of: NodeCase = {
        operator: "Resize",
        attributes: {
          mode,
          coordinate_transformation_mode: coordinates,
          nearest_mode,
          exclude_outside: mode === "cubic" ? exclude_outside : 0,
          antialias: mode === "nearest" ? 0 : antialias,
          ...(axes ? { axes } : {}),
          ...(by.startsWith("not") ? { keep_aspect_ratio_policy: by } : {}),
        },
        order: by.endsWith("scales") ? ["x", cropped ? "roi" : "", "scales"] : ["x", cropped ? "roi" : "", "", "sizes"],
        inputs: {
          x: noiseTensor(7, [2, 3, ...extents]),
          ...(cropped ? { roi: tensorOf("float32", [roi.length], roi) } : {}),
          ...(by.endsWith("scales")
            ? { scales: tensorOf("float32", [scales.length], scales) }
            : { sizes: tensorOf("int64", [count], spatial(drawn.sizes)) }),
        },
        fixed: ["roi", "scales", "sizes"].filter((name) => name !== "roi" || cropped),
        wrt: ["x"],
      };
      fc.pre(!(by.startsWith("not") && (cropped || !axes || axes[0]! < 0)));
      fc.pre(await runs(of));
      await expectAdjoint(of, known);
    }),
    { numRuns: 120 },
  );
});

test("Resize: volumes, lines, and scales that only the run knows", async () => {
  for (const known of ["static", "symbolic"] as const) {
    for (const [extents, scales] of [
      [
        [3, 4, 5],
        [1, 1, 2, 0.5, 1.7],
      ],
      [[5], [1, 1, 2.6]],
      [[4], [1, 1, 3]],
    ] as const) {
      for (const mode of ["nearest", "linear"]) {
        const of: NodeCase = {
          operator: "Resize",
          attributes: { mode },
          order: ["x", "", "scales"],
          fixed: ["scales"],
          wrt: ["x"],
          inputs: { x: noiseTensor(8, [1, 2, ...extents]), scales: tensorOf("float32", [scales.length], scales) },
        };
        if (!(await runs(of))) continue;
        await expectAdjoint(of, known);
        await expectAdjoint({ ...of, fixed: [] }, known);
      }
    }
  }
});
