import * as fc from "fast-check";
import { expectAdjoint, gradientsOf, noiseTensor, runs, type Knowledge, type NodeCase } from "../adjoint";
import { expectClose, tensorOf } from "../run-model";

const knowledge = fc.constantFrom<Knowledge>("static", "symbolic");
const forAxes = <T>(rank: number, value: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(value, { minLength: rank, maxLength: rank });

const pool = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc.record({
    kernel_shape: forAxes(rank, fc.integer({ min: 1, max: 3 })),
    strides: forAxes(rank, fc.integer({ min: 1, max: 3 })),
    dilations: forAxes(rank, fc.integer({ min: 1, max: 2 })),
    pads: forAxes(2 * rank, fc.integer({ min: 0, max: 2 })),
    extents: forAxes(rank, fc.integer({ min: 5, max: 8 })),
    padding: fc.constantFrom("explicit", "explicit", "none", "SAME_UPPER", "SAME_LOWER", "VALID"),
    ceil_mode: fc.constantFrom(0, 1),
    count_include_pad: fc.constantFrom(0, 1),
    tiling: fc.boolean(),
  }),
);
type Pool = typeof pool extends fc.Arbitrary<infer T> ? T : never;

function poolCase(operator: string, drawn: Pool, extra: Record<string, number>): NodeCase {
  const { kernel_shape, strides, dilations, pads, extents, padding, ceil_mode, tiling } = drawn;
  return {
    operator,
    attributes: {
      kernel_shape,
      strides: tiling ? kernel_shape : strides,
      dilations: padding.startsWith("SAME") ? dilations.map(() => 1) : dilations,
      ceil_mode,
      ...extra,
      ...(padding === "explicit" ? { pads } : padding === "none" ? {} : { auto_pad: padding }),
    },
    order: ["x"],
    inputs: { x: noiseTensor(5, [2, 3, ...extents]) },
    wrt: ["x"],
  };
}

test("AveragePool: adjoint identity over attributes", async () => {
  await fc.assert(
    fc.asyncProperty(pool, knowledge, async (drawn, known) => {
      const of = poolCase("AveragePool", drawn, { count_include_pad: drawn.count_include_pad });
      fc.pre(await runs(of));
      await expectAdjoint(of, known);
    }),
    { numRuns: 60 },
  );
});

test("MaxPool: directional derivatives over attributes", async () => {
  await fc.assert(
    fc.asyncProperty(pool, knowledge, fc.constantFrom(0, 1), async (drawn, known, storageOrder) => {
      const of = poolCase("MaxPool", drawn, { storage_order: storageOrder });
      fc.pre(await runs(of));
      await expectAdjoint(of, known, { step: 1e-4, tolerance: 3e-3 });
    }),
    { numRuns: 40 },
  );
});

test("MaxPool in float64, its Indices asked for too", async () => {
  await expectAdjoint(
    {
      operator: "MaxPool",
      attributes: { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1], storage_order: 1 },
      order: ["x"],
      inputs: { x: noiseTensor(5, [2, 3, 7, 6], "float64") },
      wrt: ["x"],
      outputs: ["y", "indices"],
      types: { indices: "int64" },
    },
    "static",
    { step: 1e-6, tolerance: 1e-7 },
  );
});

test("LpPool: directional derivatives over attributes", async () => {
  await fc.assert(
    fc.asyncProperty(pool, knowledge, fc.constantFrom(1, 2, 3), async (drawn, known, p) => {
      // ONNX's own shape inference counts a window of this node too many when rounding up takes the last one beyond the end
      const of = poolCase(
        "LpPool",
        { ...drawn, ceil_mode: drawn.padding === "none" && drawn.tiling ? drawn.ceil_mode : 0 },
        { p },
      );
      fc.pre(await runs(of));
      await expectAdjoint(of, known, { step: 1e-3, tolerance: 1e-2 });
    }),
    { numRuns: 30 },
  );
});

test.each(["static", "symbolic"] as const)("global pools in one, two and three dimensions (%s)", async (known) => {
  for (const extents of [[5], [4, 3], [2, 3, 2]]) {
    const inputs = { x: noiseTensor(6, [2, 3, ...extents]) };
    await expectAdjoint({ operator: "GlobalAveragePool", order: ["x"], inputs, wrt: ["x"] }, known);
    await expectAdjoint({ operator: "GlobalMaxPool", order: ["x"], inputs, wrt: ["x"] }, known, {
      step: 1e-4,
      tolerance: 1e-3,
    });
    for (const p of [1, 2, 3]) {
      await expectAdjoint({ operator: "GlobalLpPool", attributes: { p }, order: ["x"], inputs, wrt: ["x"] }, known, {
        step: 1e-3,
        tolerance: 3e-3,
      });
    }
  }
});

test("GlobalMaxPool: of equal maxima the first takes the gradient; norms of nothing have none", async () => {
  const { gradients, cotangents } = await gradientsOf(
    {
      operator: "GlobalMaxPool",
      order: ["x"],
      inputs: { x: tensorOf("float32", [1, 1, 2, 3], [0, 2, 1, 2, 0, 2]) },
      wrt: ["x"],
    },
    "static",
  );
  const [dY] = cotangents["y"]!.data as Float32Array;
  expectClose("d_x", gradients["x"], tensorOf("float32", [1, 1, 2, 3], [0, dY!, 0, 0, 0, 0]), 1e-6);
  for (const operator of ["LpPool", "GlobalLpPool"]) {
    const zero = await gradientsOf(
      {
        operator,
        ...(operator === "LpPool" ? { attributes: { kernel_shape: [2, 2] } } : {}),
        order: ["x"],
        inputs: { x: tensorOf("float32", [1, 1, 3, 3], new Float32Array(9)) },
        wrt: ["x"],
      },
      "static",
    );
    expectClose("d_x", zero.gradients["x"], tensorOf("float32", [1, 1, 3, 3], new Float32Array(9)), 0);
  }
});
