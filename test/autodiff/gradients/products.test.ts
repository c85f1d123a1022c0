import * as fc from "fast-check";
import { float } from "../../../lib/onnx/attributes";
import { expectAdjoint, noiseTensor, type Knowledge, type NodeCase } from "../adjoint";

const both: Knowledge[] = ["static", "symbolic"];
const exactly = { tolerance: 1e-12 };

const broadcastable = fc.record({
  batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
  left: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  right: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  dropLeft: fc.integer({ min: 0, max: 4 }),
  dropRight: fc.integer({ min: 0, max: 4 }),
  rows: fc.integer({ min: 1, max: 4 }),
  inner: fc.integer({ min: 1, max: 4 }),
  columns: fc.integer({ min: 1, max: 4 }),
});

test("MatMul: adjoint identity over ranks and broadcasting, float64", async () => {
  await fc.assert(
    fc.asyncProperty(
      broadcastable,
      fc.constantFrom(...both),
      async ({ batch, left, right, dropLeft, dropRight, rows, inner, columns }, known) => {
        const side = (kept: boolean[], drop: number, matrix: number[], vector: number[]): number[] =>
          drop > batch.length
            ? vector
            : [...batch.map((extent, axis) => (kept[axis] ? extent : 1)).slice(drop), ...matrix];
        await expectAdjoint(
          {
            operator: "MatMul",
            order: ["a", "b"],
            wrt: ["a", "b"],
            inputs: {
              a: noiseTensor(1, side(left, dropLeft, [rows, inner], [inner]), "float64"),
              b: noiseTensor(2, side(right, dropRight, [inner, columns], [inner]), "float64"),
            },
          },
          known,
          exactly,
        );
      },
    ),
    { numRuns: 60 },
  );
});

describe.each(both)("%s extents", (known) => {
  test("Gemm: every transposition, scale and shape of bias, float64", async () => {
    for (const transA of [0, 1]) {
      for (const transB of [0, 1]) {
        for (const bias of [undefined, [], [1], [4], [3, 1], [1, 4], [3, 4]]) {
          await expectAdjoint(
            {
              operator: "Gemm",
              attributes: { transA, transB, alpha: float(0.5), beta: float(bias?.length === 2 ? -1.5 : 1) },
              order: bias ? ["a", "b", "c"] : ["a", "b"],
              wrt: bias ? ["a", "b", "c"] : ["a", "b"],
              inputs: {
                a: noiseTensor(1, transA ? [2, 3] : [3, 2], "float64"),
                b: noiseTensor(2, transB ? [4, 2] : [2, 4], "float64"),
                ...(bias ? { c: noiseTensor(3, bias, "float64") } : {}),
              },
            },
            known,
            exactly,
          );
        }
      }
    }
  });

  test.each<[string, number[][]]>([
    [
      "ij,jk",
      [
        [2, 3],
        [3, 4],
      ],
    ],
    [
      "ab,cb->ca",
      [
        [2, 3],
        [4, 3],
      ],
    ],
    ["i,j->ij", [[3], [4]]],
    ["ij->", [[2, 3]]],
    ["ij->ji", [[2, 3]]],
    [
      "ij,ij->",
      [
        [2, 3],
        [2, 3],
      ],
    ],
    ["ij,k->i", [[2, 3], [4]]],
    [
      "...ij,...jk->...ik",
      [
        [5, 2, 3],
        [1, 3, 4],
      ],
    ],
    [
      "...ij,...jk",
      [
        [1, 2, 3],
        [5, 3, 4],
      ],
    ],
    [
      "b...i,b...i->b...",
      [
        [2, 3, 4, 5],
        [2, 3, 4, 5],
      ],
    ],
    ["...i->...", [[2, 3, 4]]],
    ["...->...", [[2, 3]]],
    [
      "bij,bjk,bkl->bil",
      [
        [2, 2, 3],
        [2, 3, 4],
        [2, 4, 2],
      ],
    ],
    ["ii->i", [[4, 4]]],
    ["ii", [[4, 4]]],
    ["bii->b", [[2, 3, 3]]],
    [
      "bii,bj->bij",
      [
        [2, 3, 3],
        [2, 4],
      ],
    ],
    [
      "iij,ij->j",
      [
        [3, 3, 2],
        [3, 2],
      ],
    ],
    [
      " i j , j k -> i k ",
      [
        [2, 3],
        [3, 4],
      ],
    ],
    [
      "aBc,cA->aBA",
      [
        [2, 3, 4],
        [4, 5],
      ],
    ],
    [",ij->ij", [[], [2, 3]]],
  ])("Einsum %s, float64", async (equation, shapes) => {
    const names = shapes.map((_, index) => `x${index}_`);
    const of: NodeCase = {
      operator: "Einsum",
      attributes: { equation },
      order: names,
      wrt: names,
      inputs: Object.fromEntries(names.map((name, index) => [name, noiseTensor(index + 1, shapes[index]!, "float64")])),
    };
    await expectAdjoint(of, known, exactly);
  });

  test("Einsum of a value with itself", async () => {
    await expectAdjoint(
      {
        operator: "Einsum",
        attributes: { equation: "ij,ik->jk" },
        order: ["x", "x"],
        inputs: { x: noiseTensor(1, [3, 4], "float64") },
        wrt: ["x"],
      },
      known,
      { step: 1e-4, tolerance: 1e-8 },
    );
  });
});
