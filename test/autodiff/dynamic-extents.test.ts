import { differentiate } from "../../lib/autodiff/differentiate";
import { workingCopy } from "../../lib/autodiff/working-copy";
import { networkNamed } from "../../lib/networks/catalogue";
import { initializeWeights } from "../../lib/networks/initialize";
import type { Dimension, Model } from "../../lib/onnx/model";
import { randomTensor, uniform } from "./random-graph";
import { expectClose, openModel } from "./run-model";

/** The model with other extents of its input, and none said of its outputs. */
function withInputShape(model: Model, shape: readonly Dimension[]): Model {
  const copy = workingCopy(model);
  copy.graph.inputs = copy.graph.inputs.map((info) => ({ ...info, shape }));
  copy.graph.outputs = copy.graph.outputs.map((info) => ({ ...info, shape: undefined }));
  copy.graph.valueInfo = new Map();
  return copy;
}

test.each([
  ["resnet50-mini", [64, 75]],
  ["densenet121-rca-mini", [64, 96]],
  ["ran92-mini", [64, 64]],
] as const)("%s with symbolic batch and spatial extents has the gradients of fixed ones", async (name, sides) => {
  const network = networkNamed(name, { classes: 3 });
  const model = network.build(initializeWeights(network, 5));
  const input = model.graph.inputs[0]!.name;
  const output = model.graph.outputs[0]!.name;
  const symbolic = withInputShape(model, [
    "batch",
    3,
    name === "ran92-mini" ? 64 : "height",
    name === "ran92-mini" ? 64 : "width",
  ]);
  const dynamic = await openModel(differentiate(symbolic));

  for (const [batch, side] of [
    [1, sides[0]],
    [3, sides[1]],
  ] as const) {
    const feeds = {
      [input]: randomTensor("float32", [batch, 3, side, side], uniform(batch)),
      [`d_${output}`]: randomTensor("float32", [batch, 3], uniform(7)),
    };
    const fixed = await openModel(differentiate(withInputShape(model, [batch, 3, side, side])));
    const [want, got] = [await fixed.run(feeds), await dynamic.run(feeds)];
    expectClose("logits", got[output], want[output]!, 1e-5);
    expectClose("gradient", got[`d_${input}`], want[`d_${input}`]!, 1e-4);
    await fixed.release();
  }
  await dynamic.release();
});
