import { differentiate } from "../../../lib/autodiff/differentiate";
import { float } from "../../../lib/onnx/attributes";
import { buildModel } from "../build-model";
import { expectAdjoint, gradientsOf, noiseTensor, type Knowledge, type NodeCase } from "../adjoint";
import { expectClose, numbersOf, runModel, tensorOf, type Values } from "../run-model";

const both: Knowledge[] = ["static", "symbolic"];
const inFloat64 = { step: 1e-5, tolerance: 1e-7 };
const inFloat32 = { step: 1e-2, tolerance: 3e-3 };

function positive(seed: number, dims: readonly number[], dataType: "float32" | "float64"): Values[string] {
  return tensorOf(
    dataType,
    dims,
    Float64Array.from(numbersOf(noiseTensor(seed, dims, dataType)), (value) => 0.7 + 0.4 * value),
  );
}

describe.each(both)("%s extents", (known) => {
  test.each([[[3, 4]], [[2, 4, 5]], [[2, 4, 3, 3]], [[2, 4, 2, 3, 2]]])(
    "BatchNormalization of %j in float64, running statistics",
    async (dims) => {
      const of: NodeCase = {
        operator: "BatchNormalization",
        attributes: { epsilon: float(1e-3) },
        order: ["x", "s", "b", "m", "v"],
        wrt: ["x", "s", "b", "m", "v"],
        inputs: {
          x: noiseTensor(1, dims, "float64"),
          s: noiseTensor(2, [4], "float64"),
          b: noiseTensor(3, [4], "float64"),
          m: noiseTensor(4, [4], "float64"),
          v: positive(5, [4], "float64"),
        },
      };
      await expectAdjoint(of, known, inFloat64);
      await expectAdjoint({ ...of, fixed: ["s", "b", "m", "v"], wrt: ["x"] }, known, inFloat64);
    },
  );

  test.each([[-1], [1], [0]])("LayerNormalization in float64 from axis %i", async (axis) => {
    const normalised = [2, 3, 4].slice(axis < 0 ? 3 + axis : axis);
    const inputs = {
      x: noiseTensor(1, [2, 3, 4], "float64"),
      s: noiseTensor(2, normalised, "float64"),
      b: noiseTensor(3, normalised, "float64"),
    };
    await expectAdjoint(
      {
        operator: "LayerNormalization",
        attributes: { axis, stash_type: 11 },
        order: ["x", "s", "b"],
        inputs,
        wrt: ["x", "s", "b"],
      },
      known,
      inFloat64,
    );
  });

  test("LayerNormalization in float32: every output, scale of broadcast shape", async () => {
    for (const differentiated of [["y"], ["mean"], ["inverse"], ["y", "mean", "inverse"]]) {
      await expectAdjoint(
        {
          operator: "LayerNormalization",
          attributes: { axis: -2 },
          order: ["x", "s"],
          outputs: ["y", "mean", "inverse"],
          differentiated,
          inputs: { x: noiseTensor(1, [3, 4, 5]), s: noiseTensor(2, [4, 1]) },
          wrt: differentiated.includes("y") ? ["x", "s"] : ["x"],
        },
        known,
        inFloat32,
      );
    }
  });

  test("InstanceNormalization, GroupNormalization and MeanVarianceNormalization", async () => {
    for (const dims of [
      [2, 4, 6],
      [2, 4, 3, 3],
      [2, 4, 2, 3, 2],
    ]) {
      const inputs = { x: noiseTensor(1, dims), s: noiseTensor(2, [4]), b: noiseTensor(3, [4]) };
      await expectAdjoint(
        { operator: "InstanceNormalization", order: ["x", "s", "b"], inputs, wrt: ["x", "s", "b"] },
        known,
        inFloat32,
      );
      for (const num_groups of [1, 2, 4]) {
        await expectAdjoint(
          {
            operator: "GroupNormalization",
            attributes: { num_groups },
            order: ["x", "s", "b"],
            inputs,
            wrt: ["x", "s", "b"],
          },
          known,
          inFloat32,
        );
      }
    }
    for (const axes of [undefined, [2, 3]]) {
      await expectAdjoint(
        {
          operator: "MeanVarianceNormalization",
          ...(axes ? { attributes: { axes } } : {}),
          order: ["x"],
          inputs: { x: noiseTensor(1, [2, 3, 4, 4]) },
          wrt: ["x"],
        },
        known,
        inFloat32,
      );
    }
  });

  test("LRN, LpNormalization", async () => {
    for (const size of [1, 3, 5, 9]) {
      await expectAdjoint(
        {
          operator: "LRN",
          attributes: { size, alpha: float(0.6), beta: float(0.8), bias: float(1.5) },
          order: ["x"],
          inputs: { x: noiseTensor(1, [2, 7, 2, 2]) },
          wrt: ["x"],
        },
        known,
        inFloat32,
      );
    }
    for (const p of [1, 2]) {
      for (const axis of [0, 1, -1]) {
        await expectAdjoint(
          {
            operator: "LpNormalization",
            attributes: { p, axis },
            order: ["x"],
            inputs: { x: noiseTensor(1, [3, 4, 5], "float64") },
            wrt: ["x"],
          },
          known,
          inFloat64,
        );
      }
    }
  });
});

test("LpNormalization of nothing has no gradient", async () => {
  const zeros = tensorOf("float32", [2, 3], new Float32Array(6));
  for (const p of [1, 2]) {
    const { gradients } = await gradientsOf(
      { operator: "LpNormalization", attributes: { p }, order: ["x"], inputs: { x: zeros }, wrt: ["x"] },
      "static",
    );
    expectClose("d_x", gradients["x"], zeros, 0);
  }
});

test("BatchNormalization in training: running statistics take part", async () => {
  // onnxruntime's inference build runs training_mode in its own operator; the same in plain operators is the reference
  const dims = [3, 2, 4];
  const model = buildModel({
    inputs: { x: dims, s: [2], b: [2], m: [2], v: [2] },
    outputs: { y: dims, rm: [2], rv: [2] },
    opset: 18,
    nodes: [
      [
        "BatchNormalization",
        ["x", "s", "b", "m", "v"],
        ["y", "rm", "rv"],
        { training_mode: 1, momentum: float(0.7), epsilon: float(1e-3) },
      ],
    ],
  });
  const plain = buildModel({
    inputs: { x: dims, s: [2], b: [2], m: [2], v: [2] },
    outputs: { y: dims, rm: [2], rv: [2] },
    opset: 18,
    initializers: {
      axes: tensorOf("int64", [2], [0, 2]),
      eps: tensorOf("float32", [], [1e-3]),
      keep: tensorOf("float32", [], [0.7]),
      rest: tensorOf("float32", [], [0.3]),
      column: tensorOf("int64", [2], [2, 1]),
    },
    nodes: [
      ["ReduceMean", ["x", "axes"], ["mean"]],
      ["Sub", ["x", "mean"], ["d"]],
      ["Mul", ["d", "d"], ["q"]],
      ["ReduceMean", ["q", "axes"], ["var"]],
      ["Add", ["var", "eps"], ["w"]],
      ["Sqrt", ["w"], ["r"]],
      ["Div", ["d", "r"], ["n"]],
      ["Reshape", ["s", "column"], ["sc"]],
      ["Reshape", ["b", "column"], ["bc"]],
      ["Mul", ["n", "sc"], ["ns"]],
      ["Add", ["ns", "bc"], ["y"]],
      ["Squeeze", ["mean", "axes"], ["mf"]],
      ["Squeeze", ["var", "axes"], ["vf"]],
      ["Mul", ["m", "keep"], ["mk"]],
      ["Mul", ["mf", "rest"], ["mr"]],
      ["Add", ["mk", "mr"], ["rm"]],
      ["Mul", ["v", "keep"], ["vk"]],
      ["Mul", ["vf", "rest"], ["vr"]],
      ["Add", ["vk", "vr"], ["rv"]],
    ],
  });
  const feeds = {
    x: noiseTensor(1, dims),
    s: noiseTensor(2, [2]),
    b: noiseTensor(3, [2]),
    m: noiseTensor(4, [2]),
    v: positive(5, [2], "float32"),
    d_y: noiseTensor(6, dims),
    d_rm: noiseTensor(7, [2]),
    d_rv: noiseTensor(8, [2]),
  };
  const wrt = ["x", "s", "b", "m", "v"];
  const [got, want] = [
    await runModel(differentiate(model, { wrt }), feeds),
    await runModel(differentiate(plain, { wrt }), feeds),
  ];
  for (const name of ["y", "rm", "rv", ...wrt.map((input) => `d_${input}`)])
    expectClose(name, got[name], want[name]!, 3e-5);
});
