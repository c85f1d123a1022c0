import { readFileSync } from "node:fs";
import path from "node:path";
import { Session } from "../../lib/inference/session";
import { networkNamed } from "../../lib/networks/catalogue";
import { initializeWeights } from "../../lib/networks/initialize";
import type { NetworkDefinition } from "../../lib/networks/network";
import { readSafetensors } from "../../lib/networks/safetensors";
import type { Model, Tensor } from "../../lib/onnx/model";
import { float32Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { deviation, maxRelative, readJson, type Fingerprint } from "../fingerprint";
import { describeWithReference } from "../reference";
import { weightsByName } from "./name-rule";

interface Quantity {
  float32_error: { suggested_max_rel: number };
  fingerprint: Fingerprint;
}
interface Goldens {
  images: Record<
    string,
    { quantities: Record<string, Quantity>; stages?: Record<string, { fingerprint: Fingerprint }> }
  >;
}

const architectures = ["resnet50", "ran92", "densenet121", "densenet121-rca"];

/** The same model with the stages' values among its outputs. */
function withStages(model: Model, network: NetworkDefinition): Model {
  const stages = network.stages.filter((stage) => model.graph.nodes.some(({ outputs }) => outputs.includes(stage)));
  const outputs = stages.map((name) => ({ name, dataType: "float32" as const, shape: undefined }));
  return { ...model, graph: { ...model.graph, outputs: [...model.graph.outputs, ...outputs] } };
}

async function runOnce(model: Model, feeds: Record<string, Tensor>): Promise<Map<string, Tensor>> {
  const session = await Session.open(writeModel(model));
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

async function compareWithGoldens(
  folder: string,
  network: NetworkDefinition,
  images: ReadonlyMap<string, Tensor>,
): Promise<void> {
  const goldens = readJson<Goldens>(path.join(folder, network.name, "goldens.json"));
  const model = withStages(network.build(weightsByName(network)), network);
  const session = await Session.open(writeModel(model));
  for (const image of ["herlev", "cric"]) {
    const { quantities, stages = {} } = goldens.images[image]!;
    const outputs = await session.run({ input: images.get(image)! });
    const logits = quantities["logits"]!;
    expect(maxRelative(outputs.get("logits")!.data as Float32Array, logits.fingerprint.samples)).toBeLessThan(
      logits.float32_error.suggested_max_rel,
    );
    // The last stage is the logits themselves.
    for (const [stage, { fingerprint }] of Object.entries(stages).slice(0, -1)) {
      const value = outputs.get(stage);
      expect({ stage, shape: value?.dims }).toEqual({ stage, shape: fingerprint.shape });
      expect({ stage, close: deviation(value!, fingerprint) < 2e-5 }).toEqual({ stage, close: true });
    }
  }
  await session.close();
}

describeWithReference("forward against the float64 oracle: logits and every stage", (folder) => {
  const oracle = path.join(folder, "oracle");

  it.each(architectures)("%s-mini", async (name) => {
    const images = readSafetensors(readFileSync(path.join(oracle, "mini/inputs-64.safetensors")));
    await compareWithGoldens(path.join(oracle, "mini"), networkNamed(`${name}-mini`, { classes: 5 }), images);
  });

  it.each(architectures)("%s at full size", async (name) => {
    const images = readSafetensors(readFileSync(path.join(oracle, "seed/inputs-224.safetensors")));
    await compareWithGoldens(path.join(oracle, "seed"), networkNamed(name, { classes: 5 }), images);
  });

  it.each(architectures)("%s-mini equals the exports of both PyTorch exporters, on a batch", async (name) => {
    const network = networkNamed(`${name}-mini`, { classes: 5 });
    const images = readSafetensors(readFileSync(path.join(oracle, "mini/inputs-64.safetensors")));
    const batch = new Float32Array(
      ["herlev", "cric", "herlev_flat"].flatMap((image) => Array.from(images.get(image)!.data as Float32Array)),
    );
    const input = float32Tensor(batch, [3, 3, 64, 64]);
    const ours = await runOnce(network.build(weightsByName(network)), { input });
    for (const exporter of ["dynamo", "torchscript"]) {
      const session = await Session.open(readFileSync(path.join(oracle, `mini/${name}-mini/model-${exporter}.onnx`)));
      const theirs = await session.run({ input });
      await session.close();
      expect(
        maxRelative(ours.get("logits")!.data as Float32Array, theirs.get("logits")!.data as Float32Array),
      ).toBeLessThan(1e-5);
    }
  });
});

describe("networks in onnxruntime", () => {
  it("take any size where the topology allows it, and other channels", async () => {
    for (const [name, sides] of [
      ["resnet50-mini", [48, 75]],
      ["densenet121-rca-mini", [50, 64]],
    ] as const) {
      const network = networkNamed(name, { classes: 3, channels: 1 });
      const input = float32Tensor(new Float32Array(2 * sides[0] * sides[1]).fill(0.5), [2, 1, ...sides]);
      const logits = (await runOnce(network.build(initializeWeights(network, 1)), { input })).get("logits")!;
      expect(logits.dims).toEqual([2, 3]);
      expect(Array.from(logits.data as Float32Array).every(Number.isFinite)).toBe(true);
    }
  });

  it("RAN-92 is built for its input size", async () => {
    const network = networkNamed("ran92-mini", { classes: 2, size: 96 });
    const input = float32Tensor(new Float32Array(3 * 96 * 96).fill(0.1), [1, 3, 96, 96]);
    expect((await runOnce(network.build(initializeWeights(network, 1)), { input })).get("logits")!.dims).toEqual([
      1, 2,
    ]);
  });

  it("U-Net answers at the input's resolution", async () => {
    const network = networkNamed("unet-mini", { classes: 2 });
    const input = float32Tensor(new Float32Array(3 * 32 * 48).fill(0.1), [1, 3, 32, 48]);
    expect((await runOnce(network.build(initializeWeights(network, 1)), { input })).get("logits")!.dims).toEqual([
      1, 2, 32, 48,
    ]);
  });

  it("training mode returns running statistics: 0.9 of the old, 0.1 of the batch's", async () => {
    const network = networkNamed("resnet50-mini", { classes: 2 });
    const weights = initializeWeights(network, 1);
    const input = float32Tensor(
      Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, index) => Math.sin(index)),
      [2, 3, 32, 32],
    );
    const mask = float32Tensor(new Float32Array(2 * 256).fill(1), [2, 256]);
    const model = network.build(weights, { mode: "training" });
    const outputs = await runOnce(
      {
        ...model,
        graph: {
          ...model.graph,
          outputs: [...model.graph.outputs, { name: "conv1", dataType: "float32", shape: undefined }],
        },
      },
      { input, [network.dropouts[0]!.mask]: mask },
    );
    const conv = outputs.get("conv1")!;
    const data = conv.data as Float32Array;
    const plane = 16 * 16;
    const channelZero = [...data.subarray(0, plane), ...data.subarray(8 * plane, 9 * plane)];
    const mean = channelZero.reduce((sum, value) => sum + value, 0) / channelZero.length;
    const variance = channelZero.reduce((sum, value) => sum + (value - mean) ** 2, 0) / channelZero.length;
    expect((outputs.get("bn1.running_mean.next")!.data as Float32Array)[0]).toBeCloseTo(0.1 * mean, 6);
    expect((outputs.get("bn1.running_var.next")!.data as Float32Array)[0]).toBeCloseTo(0.9 + 0.1 * variance, 6);
  });
});
