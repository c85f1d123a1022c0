import { differentiate } from "../../../lib/autodiff/differentiate";
import type { Dimension } from "../../../lib/onnx/model";
import { buildModel, type NodeSketch } from "../build-model";

function refusal(
  node: NodeSketch,
  inputs: Record<string, readonly Dimension[]>,
  y: readonly Dimension[],
): () => unknown {
  return () => differentiate(buildModel({ inputs, outputs: { y }, nodes: [node] }), { wrt: ["x"] });
}

test.each<[string, NodeSketch, Record<string, readonly Dimension[]>, readonly Dimension[], RegExp]>([
  [
    "weights of unknown shape",
    ["Conv", ["x", "w"], ["y"]],
    { x: [1, 2, 5, 5], w: ["m", 2, 3, 3] },
    [1, "m", 3, 3],
    /conv_0.*Conv.*no fixed shape; specialise the shapes first/,
  ],
  [
    "output_shape of an unknown extent",
    ["ConvTranspose", ["x", "w"], ["y"], { output_shape: [9], strides: [2] }],
    { x: [1, 2, "length"], w: [2, 2, 3] },
    [1, 2, 9],
    /convtranspose_0.*output_shape needs the input's extents; specialise the shapes first/,
  ],
  [
    "auto_pad with dilations",
    ["AveragePool", ["x"], ["y"], { kernel_shape: [2], dilations: [2], auto_pad: "SAME_UPPER" }],
    { x: [1, 1, 6] },
    [1, 1, 6],
    /averagepool_0.*auto_pad with dilations/,
  ],
  [
    "detectors' sampling",
    ["RoiAlign", ["x", "r", "i"], ["y"]],
    { x: [1, 1, 8, 8], r: [1, 4], i: [1] },
    [1, 1, 1, 1],
    /RoiAlign.*detectors/,
  ],
])("%s: refused at once, with the node, its operator and why", (_, node, inputs, y, message) => {
  expect(refusal(node, inputs, y)).toThrow(message);
});
