import { findSoftmaxHead, peelSoftmax } from "../../lib/autodiff/softmax-head";
import { float32Tensor, int64Tensor } from "../../lib/onnx/tensor";
import { buildModel, type NodeSketch } from "./build-model";
import { expectClose, runModel } from "./run-model";

const classifier = (nodes: readonly NodeSketch[], opset = 18): ReturnType<typeof buildModel> =>
  buildModel({
    inputs: { x: [2, 3] },
    outputs: { y: [2, 3] },
    nodes: [["Mul", ["x", "x"], ["scores"]], ...nodes],
    initializers: { shape: int64Tensor([2, 3]) },
    opset,
  });

test.each<[string, NodeSketch[], number]>([
  ["softmax along the last axis", [["Softmax", ["scores"], ["y"]]], 18],
  ["log-softmax along axis 1", [["LogSoftmax", ["scores"], ["y"], { axis: 1 }]], 18],
  ["softmax of an old opset, whose default axis is 1", [["Softmax", ["scores"], ["y"]]], 11],
  ["sigmoid", [["Sigmoid", ["scores"], ["y"]]], 18],
  [
    "softmax, then moved",
    [
      ["Softmax", ["scores"], ["p"]],
      ["Identity", ["p"], ["q"]],
      ["Reshape", ["q", "shape"], ["y"]],
    ],
    18,
  ],
])("%s is peeled", async (_name, nodes, opset) => {
  const { model, logits, head } = peelSoftmax(classifier(nodes, opset), "y");
  expect(head).toMatchObject({ logits: "scores" });
  const got = await runModel(model, { x: float32Tensor([1, 2, 3, 4, 5, 6], [2, 3]) });
  expectClose("logits", got[logits], float32Tensor([1, 4, 9, 16, 25, 36], [2, 3]), 1e-6);
});

test.each<[string, NodeSketch[]]>([
  ["no softmax", [["Neg", ["scores"], ["y"]]]],
  ["a softmax over the batch", [["Softmax", ["scores"], ["y"], { axis: 0 }]]],
  [
    "a softmax that something is added to",
    [
      ["Softmax", ["scores"], ["p"]],
      ["Add", ["p", "p"], ["y"]],
    ],
  ],
])("%s is left as it is", (_name, nodes) => {
  const model = classifier(nodes);
  expect(findSoftmaxHead(model, "y")).toBeUndefined();
  expect(peelSoftmax(model, "y")).toEqual({ model, logits: "y", head: undefined });
});

test("an output that does not exist is refused", () => {
  expect(() => findSoftmaxHead(classifier([["Neg", ["scores"], ["y"]]]), "probabilities")).toThrow(
    expect.objectContaining({ code: "autodiff.unknown-name" }),
  );
});
