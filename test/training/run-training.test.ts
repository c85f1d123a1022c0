import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { evaluateModel } from "../../lib/evaluation/evaluate-model";
import { writeEvaluation } from "../../lib/evaluation/write-evaluation";
import { readModelFolder } from "../../lib/networks/model-folder";
import { readSafetensors, writeSafetensors } from "../../lib/networks/safetensors";
import { float32Tensor } from "../../lib/onnx/tensor";
import { phantomClasses } from "../../lib/phantom/cell";
import { phantomField } from "../../lib/phantom/phantom";
import { labelImage, writePhantoms } from "../../lib/phantom/write-phantoms";
import { CellMasker } from "../../lib/training/cell-masker";
import { runTraining } from "../../lib/training/run-training";
import type { TrainingJob } from "../../lib/training/training-request";
import { parseTrainingSettings } from "../../lib/training/training-settings";

describe("training on a folder", () => {
  let folder = "",
    data = "";
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "run-training-"));
    data = path.join(folder, "phantoms");
    await writePhantoms({
      folder: data,
      kind: "cells",
      classes: ["Dyskeratotic", "Superficial-Intermediate"],
      countPerClass: 20,
      size: 48,
      seed: 1,
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const job = (out: string, settings: Parameters<typeof parseTrainingSettings>[0] = {}): TrainingJob => ({
    data,
    network: "resnet50-mini",
    split: "study",
    out: path.join(folder, out),
    threads: 1,
    settings: parseTrainingSettings({ size: 32, epochs: 6, batch: 7, rate: 3e-3, dropout: 0, ...settings }),
  });

  it("writes a model that evaluation finds to be as good as its card says", async () => {
    const trained = await runTraining(job("model"));
    const { card } = await readModelFolder(trained.folder);
    expect(card).toMatchObject({
      classes: ["Dyskeratotic", "Superficial-Intermediate"],
      network: "resnet50-mini",
      data: { split: "study" },
      training: { seed: 1 },
      intendedUse: expect.stringContaining("Not for clinical use") as string,
    });
    const validation = await evaluateModel({
      model: trained.folder,
      data,
      part: { split: "study", name: "validation" },
      threads: 1,
    });
    expect(validation.evaluation.accuracy).toBeCloseTo(card.metrics["validationAccuracy"]!, 5);
    expect(validation.evaluation.accuracy).toBeGreaterThan(0.8);
    expect(
      (
        await evaluateModel({
          model: trained.folder,
          data,
          part: { split: "study", name: "test" },
          flips: true,
          threads: 1,
        })
      ).evaluation.samples,
    ).toBe(4);
    await writeEvaluation(trained.folder, validation);
    expect((await readFile(path.join(trained.folder, "predictions.csv"), "utf8")).trim().split("\r\n")).toHaveLength(9);
    expect(await readFile(path.join(trained.folder, "training.html"), "utf8")).toContain("Best validation accuracy");
  });

  it("divides the logits of a finished run by a temperature, which changes no prediction", async () => {
    const plain = await runTraining(job("hot", { epochs: 1 }));
    const validation = { model: plain.folder, data, part: { split: "study", name: "validation" }, threads: 1 } as const;
    const before = await evaluateModel(validation);
    const trained = await runTraining({ ...job("hot", { epochs: 1 }), calibrate: true });
    expect(trained.resumedAfterEpoch).toBe(1);
    const after = await evaluateModel(validation);
    expect(after.predictions.map(({ predicted }) => predicted)).toEqual(
      before.predictions.map(({ predicted }) => predicted),
    );
    const loss = ({ predictions, classes }: typeof after) =>
      predictions.reduce(
        (sum, { probabilities, className }) => sum - Math.log(probabilities[classes.indexOf(className)]!),
        0,
      ) / predictions.length;
    expect(loss(before)).toBeCloseTo(plain.card.metrics["validationLoss"]!, 4);
    expect(loss(after)).toBeCloseTo(trained.card.metrics["validationLoss"]!, 4);
    expect(loss(after)).toBeLessThan(loss(before));
    expect(trained.card.training?.recipe).toMatch(/temperature [\d.]+, fitted on the validation images/);
  });

  it("begins from weights with another number of classes by a new head", async () => {
    const weights = path.join(folder, "model", "weights.safetensors");
    const other = path.join(folder, "three");
    await writePhantoms({
      folder: other,
      kind: "cells",
      classes: ["Dyskeratotic", "Parabasal", "Superficial-Intermediate"],
      countPerClass: 10,
      size: 48,
      seed: 2,
    });
    const trained = await runTraining({
      ...job("transferred", { epochs: 1, freeze: ["conv1", "layer"] }),
      data: other,
      weights,
    });
    const [before, after] = await Promise.all(
      [weights, path.join(trained.folder, "weights.safetensors")].map(async (file) =>
        readSafetensors(await readFile(file)),
      ),
    );
    expect(after!.get("layer1.0.conv1.weight")!.data).toEqual(before!.get("layer1.0.conv1.weight")!.data);
    expect(after!.get("fc.1.weight")!.dims[0]).toBe(3);
  });

  it("begins from ImageNet's weights under torchvision's names", async () => {
    const own = readSafetensors(await readFile(path.join(folder, "model", "weights.safetensors")));
    const tensors = new Map([...own].filter(([name]) => !name.startsWith("fc.")));
    const features = own.get("fc.1.weight")!.dims[1]!;
    tensors
      .set("fc.weight", float32Tensor(new Float32Array(1000 * features), [1000, features]))
      .set("fc.bias", float32Tensor(new Float32Array(1000), [1000]));
    const weights = path.join(folder, "imagenet.safetensors");
    await writeFile(weights, writeSafetensors(tensors));
    const trained = await runTraining({ ...job("from-imagenet", { epochs: 1, freeze: ["conv1"] }), weights });
    const after = readSafetensors(await readFile(path.join(trained.folder, "weights.safetensors")));
    expect(after.get("conv1.weight")!.data).toEqual(own.get("conv1.weight")!.data);
    expect(after.get("fc.1.weight")!.dims).toEqual([2, features]);
  });

  it("refuses weights of another network", async () => {
    await expect(
      runTraining({
        ...job("refused"),
        network: "densenet121-mini",
        weights: path.join(folder, "model", "weights.safetensors"),
      }),
    ).rejects.toMatchObject({ code: "weights.mismatch" });
  });

  it("teaches a U-Net where cells are, whose mask can then take the place of Otsu's", async () => {
    const fields = path.join(folder, "fields");
    await writePhantoms({
      folder: fields,
      kind: "fields",
      classes: phantomClasses,
      countPerClass: 10,
      size: 64,
      seed: 3,
    });
    const trained = await runTraining({
      ...job("unet", { size: 64, epochs: 3, batch: 5, rate: 1e-2 }),
      data: fields,
      network: "unet-mini",
      split: "tenth",
    });
    expect(trained.card.classes).toEqual(["background", "cell"]);
    const field = phantomField({ className: "Metaplastic", size: 96, seed: 77, index: 0 });
    const masker = await CellMasker.open(trained.folder);
    const [found, truth] = [await masker.foreground(field), labelImage(field)];
    await masker.close();
    let both = 0,
      either = 0;
    found.forEach((inside, pixel) => {
      if (inside && truth[pixel]) both++;
      if (inside || truth[pixel]) either++;
    });
    expect(both / either).toBeGreaterThan(0.7);
    const masked = await runTraining({ ...job("masked", { epochs: 1 }), maskModel: trained.folder });
    expect((await stat(path.join(masked.folder, "model.onnx"))).size).toBeGreaterThan(1000);
  });

  it("refuses to teach masks from data without any", async () => {
    await expect(
      runTraining({ ...job("unmasked"), data: path.join(data, "images"), network: "unet-mini" }),
    ).rejects.toMatchObject({ code: "data.no-masks" });
  });
});
