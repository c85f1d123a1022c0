import { numbersOf, tensorOf } from "../run-model";
import { expectAdjoint, noiseTensor, type Knowledge } from "../adjoint";

const both: Knowledge[] = ["static", "symbolic"];

/** Grid points from −1.7 to 1.7, so that some lie beyond the borders. */
function gridOf(dims: readonly number[]): ReturnType<typeof noiseTensor> {
  return tensorOf(
    "float32",
    dims,
    Float64Array.from(numbersOf(noiseTensor(4, dims)), (value) => 1.7 * value),
  );
}

describe.each(both)("%s extents", (known) => {
  for (const mode of ["linear", "nearest", "cubic"]) {
    for (const padding_mode of ["zeros", "border", "reflection"]) {
      for (const align_corners of [0, 1]) {
        test(`GridSample ${mode}, ${padding_mode}, align_corners ${align_corners}`, async () => {
          const spaces =
            mode === "cubic"
              ? [[4, 5]]
              : [
                  [4, 5],
                  [3, 4, 2],
                ];
          for (const extents of spaces) {
            const inputs = {
              x: noiseTensor(1, [2, 3, ...extents]),
              g: gridOf([2, ...extents.map((extent) => extent + 1), extents.length]),
            };
            const of = {
              operator: "GridSample",
              attributes: { mode, padding_mode, align_corners },
              order: ["x", "g"],
              inputs,
            };
            await expectAdjoint({ ...of, wrt: ["x"] }, known);
            if (mode !== "nearest") await expectAdjoint({ ...of, wrt: ["g"] }, known, { step: 2e-4, tolerance: 2e-2 });
          }
        });
      }
    }
  }

  test("AffineGrid in the plane and in space", async () => {
    for (const align_corners of [0, 1]) {
      for (const [theta, size] of [
        [
          [2, 2, 3],
          [2, 3, 4, 5],
        ],
        [
          [2, 3, 4],
          [2, 1, 3, 4, 2],
        ],
      ] as const) {
        await expectAdjoint(
          {
            operator: "AffineGrid",
            attributes: { align_corners },
            order: ["x", "s"],
            fixed: ["s"],
            wrt: ["x"],
            inputs: { x: noiseTensor(1, theta), s: tensorOf("int64", [size.length], size) },
          },
          known,
        );
      }
    }
  });
});
