import { appendGradient } from "../../lib/autodiff/differentiate";
import { Session } from "../../lib/inference/session";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import { inferShapes } from "../../lib/onnx/infer-shapes";
import type { Model } from "../../lib/onnx/model";
import { float32Tensor, int64Tensor, toNumbers } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { emitLoss, type LossOptions } from "../../lib/training/loss";

async function lossOf(shape: readonly number[], options: LossOptions) {
  const model: Model = {
    irVersion: 8,
    producerName: "",
    producerVersion: "",
    opsets: new Map([["", 18]]),
    metadata: new Map(),
    graph: {
      name: "loss",
      nodes: [],
      outputs: [],
      initializers: new Map(),
      valueInfo: new Map(),
      inputs: [
        { name: "logits", dataType: "float32", shape },
        { name: "labels", dataType: "int64", shape: [shape[0]!, ...shape.slice(2)] },
      ],
    },
  };
  const builder = new GraphBuilder(model.graph);
  const loss = emitLoss(builder, "logits", "labels", shape.length, options);
  for (const [name, info] of inferShapes(model)) model.graph.valueInfo.set(name, info);
  const gradient = appendGradient(model, new Map([[loss, builder.float32(1)]]), ["logits"]).get("logits")!;
  model.graph.outputs.push(
    { name: loss, dataType: "float32", shape: [] },
    { name: gradient, dataType: "float32", shape },
  );
  const session = await Session.open(writeModel(model), { threads: 1 });
  return async (logits: readonly number[], labels: readonly number[]) => {
    const outputs = await session.run({
      logits: float32Tensor([...logits], shape),
      labels: int64Tensor([...labels], [shape[0]!, ...shape.slice(2)]),
    });
    return { loss: toNumbers(outputs.get(loss)!)[0]!, gradient: toNumbers(outputs.get(gradient)!) };
  };
}

/** PyTorch's formula for weighted, smoothed cross-entropy, written out. */
function crossEntropy(
  logits: readonly number[],
  labels: readonly number[],
  weights: readonly number[],
  smoothing: number,
): number {
  const classes = weights.length;
  let sum = 0,
    total = 0;
  labels.forEach((label, row) => {
    const scores = logits.slice(row * classes, (row + 1) * classes);
    const log = Math.log(scores.reduce((all, score) => all + Math.exp(score), 0));
    scores.forEach((score, index) => {
      const target = (index === label ? 1 - smoothing : 0) + smoothing / classes;
      sum += weights[index]! * target * (log - score);
    });
    total += weights[label]!;
  });
  return sum / total;
}

async function expectGradient(
  evaluate: Awaited<ReturnType<typeof lossOf>>,
  logits: readonly number[],
  labels: readonly number[],
): Promise<void> {
  const { gradient } = await evaluate(logits, labels);
  const step = 1e-2;
  for (const [index] of logits.entries()) {
    const at = async (shift: number) =>
      (
        await evaluate(
          logits.map((value, other) => (other === index ? value + shift : value)),
          labels,
        )
      ).loss;
    expect(gradient[index]).toBeCloseTo(((await at(step)) - (await at(-step))) / (2 * step), 3);
  }
}

function dice(p: readonly number[], t: readonly number[]): number {
  const overlap = p.reduce((sum, value, at) => sum + value * t[at]!, 0);
  return (2 * overlap + 1) / (p.reduce((sum, value) => sum + value, 0) + t.reduce((sum, value) => sum + value, 0) + 1);
}

const logits = [0.2, -1.3, 0.7, 2.1, 0.4, -0.5],
  labels = [2, 0];

describe("cross-entropy", () => {
  it.each([
    ["plain", undefined, 0],
    ["with class weights", [0.5, 2, 1.5], 0],
    ["with label smoothing", undefined, 0.1],
    ["with both", [0.5, 2, 1.5], 0.2],
  ])("%s has PyTorch's value and its own gradient", async (_, classWeights, labelSmoothing) => {
    const evaluate = await lossOf([2, 3], { classes: 3, classWeights, labelSmoothing });
    expect((await evaluate(logits, labels)).loss).toBeCloseTo(
      crossEntropy(logits, labels, classWeights ?? [1, 1, 1], labelSmoothing),
      5,
    );
    await expectGradient(evaluate, logits, labels);
  });
});

describe("cross-entropy with Dice", () => {
  const pixels = [1.5, -0.5, 0.3, 2, -1.5, 0.5, -0.3, -2],
    mask = [0, 1, 1, 0];

  it("adds one minus the mean soft Dice coefficient, and its gradient", async () => {
    const evaluate = await lossOf([1, 2, 2, 2], { classes: 2, dice: true });
    const cell = [0, 1, 2, 3].map((at) => 1 / (1 + Math.exp(pixels[at]! - pixels[4 + at]!)));
    const entropy = -mask.reduce((sum, label, at) => sum + Math.log(label ? cell[at]! : 1 - cell[at]!), 0) / 4;
    const expected =
      entropy +
      1 -
      (dice(cell, mask) +
        dice(
          cell.map((p) => 1 - p),
          mask.map((label) => 1 - label),
        )) /
        2;
    expect((await evaluate(pixels, mask)).loss).toBeCloseTo(expected, 5);
    await expectGradient(evaluate, pixels, mask);
  });
});
