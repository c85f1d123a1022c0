import { differentiate } from "../../../lib/autodiff/differentiate";
import { buildModel, type NodeSketch } from "../build-model";
import { numbersOf, runModel, tensorOf } from "../run-model";

const zero = tensorOf("float32", [], [0]);
const half = tensorOf("float32", [], [0.5]);

/** Where(x > 0, f(x), 0) at −1, 0, ¼ and 4: finite everywhere, and so is its gradient, which is f′ where f was taken. */
test.each<[string, NodeSketch, number[]]>([
  ["Sqrt", ["Sqrt", ["x"], ["f"]], [0, 0, 1, 0.25]],
  ["Reciprocal", ["Reciprocal", ["x"], ["f"]], [0, 0, -16, -1 / 16]],
  ["Log", ["Log", ["x"], ["f"]], [0, 0, 4, 0.25]],
  ["Div by x", ["Div", ["one", "x"], ["f"]], [0, 0, -16, -1 / 16]],
  ["Div by itself", ["Div", ["x", "x"], ["f"]], [0, 0, 0, 0]],
  ["Pow with a root", ["Pow", ["x", "half"], ["f"]], [0, 0, 1, 0.25]],
  [
    "Pow of x as exponent",
    ["Pow", ["x", "x"], ["f"]],
    [0, 0, Math.SQRT1_2 * (1 + Math.log(0.25)), 256 * (1 + Math.log(4))],
  ],
])("%s behind a mask sends no NaN where the mask took the other side", async (_name, node, wanted) => {
  const model = buildModel({
    inputs: { x: [4] },
    outputs: { y: [4] },
    nodes: [["Greater", ["x", "zero"], ["taken"]], node, ["Where", ["taken", "f", "zero"], ["y"]]],
    initializers: { zero, half, one: tensorOf("float32", [], [1]) },
  });
  const x = tensorOf("float32", [4], [-1, 0, 0.25, 4]);
  const { d_x } = await runModel(differentiate(model), { x, d_y: tensorOf("float32", [4], [1, 1, 1, 1]) });
  expect([...numbersOf(d_x!)]).toEqual(wanted.map((value) => expect.closeTo(value, value > 100 ? 3 : 5) as number));
});

test("a true infinity still shows: at 0 the root's slope has none to hide behind", async () => {
  const model = buildModel({ inputs: { x: [2] }, outputs: { y: [2] }, nodes: [["Sqrt", ["x"], ["y"]]] });
  const ones = tensorOf("float32", [2], [1, 1]);
  const { d_x } = await runModel(differentiate(model), { x: tensorOf("float32", [2], [0, 4]), d_y: ones });
  expect([...numbersOf(d_x!)]).toEqual([Infinity, 0.25]);
});
