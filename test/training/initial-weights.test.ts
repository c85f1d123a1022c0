import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { networkNamed } from "../../lib/networks/catalogue";
import { initializeWeights } from "../../lib/networks/initialize";
import { weightsFileName, writeModelFolder } from "../../lib/networks/model-folder";
import { writeSafetensors } from "../../lib/networks/safetensors";
import { writeModel } from "../../lib/onnx/write-model";
import { initialWeights, weightsFile } from "../../lib/training/initial-weights";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "weights-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const refusal = (message: RegExp) => ({ code: "training.weights", message: expect.stringMatching(message) as string });

describe("what training begins from", () => {
  it("is ImageNet's backbone where a network comes with it, unless told otherwise", async () => {
    const network = networkNamed("efficientnet-lite0", { classes: 6 });
    const [carried, drawn] = [
      await initialWeights(network, { seed: 1 }),
      await initialWeights(network, { weights: "none", seed: 1 }),
    ];
    const stem = (weights: typeof carried) => (weights.get("_conv_stem.weight")!.data as Float32Array)[0];
    expect(drawn.size).toBe(network.parameters.length);
    expect(stem(carried)).not.toBe(stem(drawn));
    expect(carried.get("_fc.weight")!.data).toEqual(drawn.get("_fc.weight")!.data);
    expect(await weightsFile("efficientnet-lite0", "imagenet")).toBe(
      await weightsFile("efficientnet-lite0", undefined),
    );
    expect(await weightsFile("resnet50-mini", undefined)).toBeUndefined();
  });

  it("is a model that was trained here, its head drawn anew for other classes", async () => {
    const two = networkNamed("resnet50-mini", { classes: 2, size: 32 });
    const weights = initializeWeights(two, 5);
    await writeModelFolder(folder, writeModel(two.build(weights)), {
      name: "two",
      title: "two",
      network: "resnet50-mini",
      classes: ["a", "b"],
      input: { height: 32, width: 32 },
      data: { description: "none" },
    });
    await writeFile(path.join(folder, weightsFileName), writeSafetensors(weights));
    const three = networkNamed("resnet50-mini", { classes: 3, size: 32 });
    const continued = await initialWeights(three, { weights: folder, seed: 9 });
    expect(continued.get("conv1.weight")!.data).toEqual(weights.get("conv1.weight")!.data);
    expect(continued.get("fc.1.weight")!.data).toEqual(initializeWeights(three, 9).get("fc.1.weight")!.data);
    const same = await initialWeights(two, { weights: folder, seed: 9 });
    expect(same.get("fc.1.weight")!.data).toEqual(weights.get("fc.1.weight")!.data);
    await expect(weightsFile("densenet121-mini", folder)).rejects.toMatchObject(
      refusal(/the model of a densenet121-mini in .* but its card says resnet50-mini/),
    );
  });

  it("is refused by names that are neither files nor known, and ImageNet's where there is none", async () => {
    await expect(weightsFile("resnet50", "imagnet")).rejects.toMatchObject(
      refusal(
        /Expected "none", "imagenet", a checkpoint or a model folder to begin from but received "imagnet": ENOENT/,
      ),
    );
    await expect(weightsFile("resnet50", "imagenet")).rejects.toMatchObject(
      refusal(/whose ImageNet weights are carried here \(efficientnet-lite0\) but received resnet50/),
    );
  });
});
