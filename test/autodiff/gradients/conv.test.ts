import * as fc from "fast-check";
import { expectAdjoint, noiseTensor, runs, type Knowledge, type NodeCase } from "../adjoint";

const knowledge = fc.constantFrom<Knowledge>("static", "symbolic");
const forAxes = <T>(rank: number, value: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(value, { minLength: rank, maxLength: rank });

const convolution = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc.record({
    kernel: forAxes(rank, fc.integer({ min: 1, max: rank === 3 ? 2 : 4 })),
    strides: forAxes(rank, fc.integer({ min: 1, max: 3 })),
    dilations: forAxes(rank, fc.integer({ min: 1, max: 2 })),
    pads: forAxes(2 * rank, fc.integer({ min: 0, max: 3 })),
    extents: forAxes(rank, fc.integer({ min: 5, max: rank === 3 ? 6 : 9 })),
    padding: fc.constantFrom("explicit", "SAME_UPPER", "SAME_LOWER", "VALID"),
    group: fc.constantFrom(1, 2, 3),
    perGroup: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 })),
    batch: fc.integer({ min: 1, max: 3 }),
    bias: fc.boolean(),
  }),
);

test("Conv: adjoint identity over attributes", async () => {
  await fc.assert(
    fc.asyncProperty(convolution, knowledge, async (drawn, known) => {
      const {
        kernel,
        strides,
        dilations,
        pads,
        extents,
        padding,
        group,
        perGroup: [inputs, outputs],
        batch,
        bias,
      } = drawn;
      const of: NodeCase = {
        operator: "Conv",
        attributes: { strides, dilations, group, ...(padding === "explicit" ? { pads } : { auto_pad: padding }) },
        order: bias ? ["x", "w", "b"] : ["x", "w"],
        inputs: {
          x: noiseTensor(1, [batch, group * inputs, ...extents]),
          w: noiseTensor(2, [group * outputs, inputs, ...kernel]),
          ...(bias ? { b: noiseTensor(3, [group * outputs]) } : {}),
        },
        wrt: known === "static" ? (bias ? ["x", "w", "b"] : ["x", "w"]) : ["x"],
      };
      fc.pre(await runs(of));
      await expectAdjoint(of, known);
    }),
    { numRuns: 60 },
  );
});

const depthwise = fc.record({
  kernel: forAxes(2, fc.integer({ min: 1, max: 5 })),
  strides: forAxes(2, fc.integer({ min: 1, max: 3 })),
  dilations: forAxes(2, fc.integer({ min: 1, max: 2 })),
  pads: forAxes(4, fc.integer({ min: 0, max: 3 })),
  extents: forAxes(2, fc.integer({ min: 4, max: 9 })),
  channels: fc.integer({ min: 2, max: 5 }),
  batch: fc.integer({ min: 1, max: 3 }),
});

test("Conv: adjoint identity of depthwise convolutions, rows and columns apart", async () => {
  await fc.assert(
    fc.asyncProperty(depthwise, async ({ kernel, strides, dilations, pads, extents, channels, batch }) => {
      const of: NodeCase = {
        operator: "Conv",
        attributes: { strides, dilations, pads, group: channels },
        order: ["x", "w"],
        inputs: { x: noiseTensor(1, [batch, channels, ...extents]), w: noiseTensor(2, [channels, 1, ...kernel]) },
        wrt: ["x", "w"],
      };
      fc.pre(await runs(of));
      await expectAdjoint(of, "static");
    }),
    { numRuns: 40 },
  );
});

test.each(["static", "symbolic"] as const)("Conv: constant weights are turned beforehand (%s)", async (known) => {
  const of: NodeCase = {
    operator: "Conv",
    attributes: { pads: [1, 0, 1, 2], group: 2 },
    order: ["x", "w"],
    fixed: ["w"],
    inputs: { x: noiseTensor(1, [2, 4, 6, 7]), w: noiseTensor(2, [6, 2, 3, 3]) },
    wrt: ["x"],
  };
  await expectAdjoint(of, known);
});

test("Conv: a kernel of many taps takes its weight gradient from a convolution", async () => {
  const cases: NonNullable<NodeCase["attributes"]>[] = [
    { group: 2, pads: [4, 3, 2, 4] },
    { strides: [2, 3], dilations: [1, 2], pads: [4, 4, 4, 4] },
  ];
  for (const attributes of cases) {
    await expectAdjoint(
      {
        operator: "Conv",
        attributes,
        order: ["x", "w"],
        inputs: { x: noiseTensor(1, [2, 4, 20, 24]), w: noiseTensor(2, [6, "group" in attributes ? 2 : 4, 9, 9]) },
        wrt: ["x", "w"],
      },
      "static",
    );
  }
});

const transposed = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc.record({
    kernel: forAxes(rank, fc.integer({ min: 1, max: rank === 3 ? 2 : 4 })),
    strides: forAxes(rank, fc.integer({ min: 1, max: 3 })),
    dilations: forAxes(rank, fc.integer({ min: 1, max: 2 })),
    pads: forAxes(2 * rank, fc.integer({ min: 0, max: 2 })),
    outputPadding: forAxes(rank, fc.integer({ min: 0, max: 2 })),
    extents: forAxes(rank, fc.integer({ min: 2, max: 5 })),
    padding: fc.constantFrom(
      "explicit",
      "explicit",
      "SAME_UPPER",
      "SAME_LOWER",
      "VALID",
      "shape",
      "shape SAME_UPPER",
      "shape SAME_LOWER",
    ),
    surplus: forAxes(rank, fc.integer({ min: -1, max: 1 })),
    group: fc.constantFrom(1, 2),
    perGroup: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 })),
    bias: fc.boolean(),
  }),
);

test("ConvTranspose: adjoint identity over attributes", async () => {
  await fc.assert(
    fc.asyncProperty(transposed, knowledge, async (drawn, known) => {
      const {
        kernel,
        strides,
        dilations,
        pads,
        outputPadding,
        extents,
        padding,
        surplus,
        group,
        perGroup: [inputs, outputs],
        bias,
      } = drawn;
      const wanted = extents.map((extent, axis) => Math.max(1, extent * strides[axis]! + surplus[axis]!));
      const [, side] = padding.split(" ");
      const chosen: NonNullable<NodeCase["attributes"]> = padding.startsWith("shape")
        ? { output_shape: wanted, ...(side ? { auto_pad: side } : {}) }
        : padding === "explicit"
          ? { pads, output_padding: outputPadding }
          : { auto_pad: padding };
      const of: NodeCase = {
        operator: "ConvTranspose",
        attributes: { strides, dilations, group, ...chosen },
        order: bias ? ["x", "w", "b"] : ["x", "w"],
        inputs: {
          x: noiseTensor(1, [2, group * inputs, ...extents]),
          w: noiseTensor(2, [group * inputs, outputs, ...kernel]),
          ...(bias ? { b: noiseTensor(3, [group * outputs]) } : {}),
        },
        wrt: known === "static" || padding.startsWith("shape") ? (bias ? ["x", "w", "b"] : ["x", "w"]) : ["x"],
      };
      fc.pre(await runs(of));
      await expectAdjoint(of, padding.startsWith("shape") ? "static" : known);
    }),
    { numRuns: 80 },
  );
});
