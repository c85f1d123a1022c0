import { readFileSync } from "node:fs";
import path from "node:path";
import { Session } from "../../lib/inference/session";
import { backboneFile } from "../../lib/networks/backbones";
import { networkNamed } from "../../lib/networks/catalogue";
import { loadWeights } from "../../lib/networks/load-weights";
import { readCheckpointFile } from "../../lib/networks/read-checkpoint-file";
import { readSafetensors } from "../../lib/networks/safetensors";
import type { Tensor } from "../../lib/onnx/model";
import { elementCount, float32Tensor, int64Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { buildTrainingGraph } from "../../lib/training/training-graph";
import { deviation, maxRelative, readJson, type Fingerprint } from "../fingerprint";
import { describeWithReference, projectRoot } from "../reference";

const name = "efficientnet-lite0";

/** Pixels that any language draws alike, as the network's input: (pixel − 127) / 128. */
function drawnImages(count: number, size: number): Tensor {
  const data = new Float32Array(count * 3 * size * size);
  let at = 0;
  for (let image = 0; image < count; image++)
    for (let channel = 0; channel < 3; channel++)
      for (let y = 0; y < size; y++)
        for (let x = 0; x < size; x++)
          data[at++] = (((3 * x + 5 * y + 40 * channel + ((x * y) % 17) + 31 * image) % 256) - 127) / 128;
  return float32Tensor(data, [count, 3, size, size]);
}

/** Norms of a thousand values each, which together have the whole's: Math.hypot takes only so many arguments. */
function blockNorms(values: Float32Array): number[] {
  return Array.from({ length: Math.ceil(values.length / 1000) }, (_, block) =>
    Math.hypot(...values.subarray(1000 * block, 1000 * (block + 1))),
  );
}

const ones = (dims: number[]) => float32Tensor(new Float32Array(elementCount(dims)).fill(1), dims);

async function runOnce(model: Parameters<typeof writeModel>[0], feeds: Record<string, Tensor>) {
  const session = await Session.open(writeModel(model), { threads: 1 });
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

describe("EfficientNet-Lite0", () => {
  it("has the parameters of the published network, and its own normalisation", () => {
    const network = networkNamed(name, { classes: 1000 });
    const trained = network.parameters.filter(({ role }) => !role.startsWith("running"));
    expect(trained.reduce((sum, { shape }) => sum + elementCount(shape), 0)).toBe(4_652_008);
    expect(network.normalisation).toEqual({ scale: 1, mean: [127, 127, 127], std: [128, 128, 128] });
    // Nine of the sixteen blocks keep width and resolution; the deeper, the larger the share that training may leave out.
    expect(network.paths.map(({ depth }) => depth * 16)).toEqual([2, 4, 6, 7, 9, 10, 12, 13, 14]);
  });

  it("pads as TensorFlow does whether or not the size is known beforehand", async () => {
    const [open, fixed] = [networkNamed(name, { classes: 3 }), networkNamed(name, { classes: 3, size: 45 })];
    const weights = loadWeights(fixed, (await readCheckpointFile(backboneFile(name)!)).tensors, { head: "replace" });
    const input = drawnImages(1, 45);
    const logits = await Promise.all(
      [open, fixed].map(async (network) => (await runOnce(network.build(weights), { input })).get("logits")!.data),
    );
    expect(maxRelative(logits[0] as Float32Array, logits[1] as Float32Array)).toBeLessThan(1e-6);
  });

  it("comes with ImageNet's weights, all but the head", async () => {
    const network = networkNamed(name, { classes: 6 });
    const { tensors } = await readCheckpointFile(backboneFile(name)!);
    expect([...tensors.keys()].sort()).toEqual(
      network.parameters
        .filter(({ head }) => !head)
        .map((parameter) => parameter.name)
        .sort(),
    );
    expect([...tensors.values()].every(({ data }) => (data as Float32Array).every(Number.isFinite))).toBe(true);
    expect(loadWeights(network, tensors, { head: "replace", seed: 1 }).get("_fc.weight")?.dims).toEqual([6, 1280]);
  });
});

describeWithReference("EfficientNet-Lite0 against PyTorch on the same weights", (folder) => {
  const golden = readJson<Record<string, Fingerprint> & { loss: number }>(
    path.join(projectRoot, "test/fixtures/networks/efficientnet-lite0.json"),
  );
  const checkpoint = readSafetensors(readFileSync(path.join(folder, "weights/efficientnet-lite0.safetensors")));

  it.each([96, 224])("gives the same logits at %d pixels", async (size) => {
    const network = networkNamed(name, { classes: 1000, size });
    const outputs = await runOnce(network.build(loadWeights(network, checkpoint)), { input: drawnImages(2, size) });
    expect(deviation(outputs.get("logits")!, golden[`logits${size}`]!)).toBeLessThan(1e-5);
  });

  it("gives the same loss, gradients and statistics of a training step", async () => {
    const network = networkNamed(name, { classes: 1000, size: 96 });
    const weights = loadWeights(network, checkpoint);
    const { model, loss, gradients, statistics } = buildTrainingGraph(network, weights, { batch: 4 });
    const feeds = {
      ...Object.fromEntries(weights),
      ...Object.fromEntries(network.dropouts.map(({ mask, features }) => [mask, ones([4, features])])),
      ...Object.fromEntries(network.paths.map(({ mask }) => [mask, ones([4, 1, 1, 1])])),
      input: drawnImages(4, 96),
      labels: int64Tensor([3, 500, 999, 3]),
    };
    const outputs = await runOnce(model, feeds);
    expect(Math.abs((outputs.get(loss)!.data as Float32Array)[0]! / golden.loss - 1)).toBeLessThan(1e-6);
    const gradient = (parameter: string) => outputs.get(gradients.get(parameter)!)!;
    expect(deviation(gradient("_fc.bias"), golden["grad._fc.bias"]!)).toBeLessThan(1e-6);
    const [head, wanted] = [gradient("_fc.weight").data as Float32Array, golden["grad._fc.weight"]!];
    expect(Math.abs(Math.hypot(...blockNorms(head)) / wanted.l2 - 1)).toBeLessThan(1e-6);
    // One feature near a bound of ReLU6 moves the smallest entry by 9e-6 in PyTorch's float32 too.
    expect(deviation(gradient("_fc.weight"), wanted)).toBeLessThan(1e-5);
    // Deeper, units on the other side of a bound move single gradients by 2 to 3 per cent, PyTorch's in float32 as ours.
    for (const parameter of ["_conv_stem.weight", "_blocks.5._depthwise_conv.weight"])
      expect(deviation(gradient(parameter), golden[`grad.${parameter}`]!)).toBeLessThan(4e-2);
    for (const statistic of ["_bn0.running_mean", "_bn1.running_var", "_blocks.3._bn1.running_var"])
      expect(deviation(outputs.get(statistics.get(statistic)!)!, golden[`next.${statistic}`]!)).toBeLessThan(1e-6);
  });
});
