import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { sha256Of } from "../../lib/contract/digests";
import { networkNamed } from "../../lib/networks/catalogue";
import { importCheckpoint } from "../../lib/networks/import-checkpoint";
import { initializeWeights } from "../../lib/networks/initialize";
import { readModelFolder } from "../../lib/networks/model-folder";
import { writeSafetensors } from "../../lib/networks/safetensors";
import { readModel } from "../../lib/onnx/read-model";

describe("importing a checkpoint", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "cytolens-import-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const network = networkNamed("densenet121-rca-mini", { classes: 2 });
  const weights = initializeWeights(network, 1);
  const classes = ["Dyskeratotic", "Parabasal"];
  const checkpoint = writeSafetensors(weights);

  it("writes model, card and digest that belong together", async () => {
    const card = await importCheckpoint(folder, checkpoint, {
      network: network.name,
      classes,
      size: 64,
      card: { title: "Mine", limits: ["few cells"] },
    });
    const { bytes, card: read } = await readModelFolder(folder);
    expect(read).toEqual(card);
    expect(card).toMatchObject({
      name: network.name,
      title: "Mine",
      classes,
      limits: ["few cells"],
      featureLayer: "features.relu5",
      input: { height: 64, width: 64 },
    });
    expect(card.sha256).toBe(sha256Of(bytes));
    expect(await readFile(path.join(folder, "model.onnx.sha256"), "utf8")).toBe(`${card.sha256}  model.onnx\n`);

    const { graph } = readModel(bytes);
    expect(graph.inputs).toEqual([{ name: "input", dataType: "float32", shape: ["batch", 3, 64, 64] }]);
    expect([...graph.initializers.keys()].filter((name) => weights.has(name)).length).toBe(weights.size);
  });

  it("refuses a model that is not the card's", async () => {
    await importCheckpoint(folder, checkpoint, { network: network.name, classes, size: 64 });
    const file = path.join(folder, "model.onnx");
    const bytes = await readFile(file);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(file, bytes);
    await expect(readModelFolder(folder)).rejects.toMatchObject({ code: "model.digest-mismatch" });
  });

  it("says what a card lacks, and what a folder lacks", async () => {
    await expect(readModelFolder(folder)).rejects.toMatchObject({
      code: "model.not-found",
      message: expect.stringContaining("model.onnx"),
    });
    await importCheckpoint(folder, checkpoint, { network: network.name, classes, size: 64 });
    await writeFile(path.join(folder, "card.json"), "{}");
    await expect(readModelFolder(folder)).rejects.toMatchObject({ code: "model.card" });
  });

  it("refuses weights of another network before it writes anything", async () => {
    await expect(importCheckpoint(folder, checkpoint, { network: "resnet50-mini", classes })).rejects.toMatchObject({
      code: "weights.mismatch",
    });
    await expect(readModelFolder(folder)).rejects.toMatchObject({ code: "model.not-found" });
  });
});
