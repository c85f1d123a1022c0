import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Session } from "../../lib/inference/session";
import { loadModel } from "../../lib/inference/load-model";
import { batchWithin, demandOf, fitsWithin } from "../../lib/inference/memory-budget";
import { gradientGraphOf } from "../../lib/inference/gradient-graph";
import { classModelOf } from "../../lib/inference/class-model";
import { networkNamed } from "../../lib/networks/catalogue";
import { importCheckpoint } from "../../lib/networks/import-checkpoint";
import { initializeWeights } from "../../lib/networks/initialize";
import { readSafetensors, writeSafetensors } from "../../lib/networks/safetensors";
import { peakActivationBytes, weightBytes } from "../../lib/onnx/graph-memory";
import { float32Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { maxRelative } from "../fingerprint";
import { describeWithReference } from "../reference";
import { weightsByName } from "../networks/name-rule";

const network = networkNamed("resnet50-mini", { classes: 3, size: 32 });
const weights = initializeWeights(network, 1);
const bytes = writeModel(network.build(weights));
const size = 3 * 32 * 32;
const image = (phase: number): Float32Array =>
  Float32Array.from({ length: size }, (_, index) => Math.sin(index * 0.37 + phase));
const target = { classIndex: 1, of: "logit" } as const;

describe("a loaded classifier", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "cytolens-model-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("comes from bytes, a file or a folder, and says the same", async () => {
    await writeFile(path.join(folder, "m.onnx"), bytes);
    await importCheckpoint(path.join(folder, "model"), writeSafetensors(weights), {
      network: network.name,
      classes: ["a", "b", "c"],
      size: 32,
    });
    const answers = [];
    for (const source of [bytes, path.join(folder, "m.onnx"), path.join(folder, "model")]) {
      const classifier = await loadModel(source, { cacheFolder: null });
      const [prediction] = await classifier.predict([image(0)]);
      answers.push(prediction!);
      expect(prediction!.probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
      await classifier.close();
    }
    expect(answers.map(({ className }) => className).slice(0, 2)).toEqual(
      Array(2).fill(`class ${answers[0]!.classIndex}`),
    );
    expect(answers[2]!.className).toBe(["a", "b", "c"][answers[2]!.classIndex]);
    expect(answers[1]!.logits).toEqual(answers[0]!.logits);
    expect(answers[2]!.logits).toEqual(answers[0]!.logits);
  });

  it("answers for each image of a batch as for the image alone, whatever the batch", async () => {
    const images = [0, 1, 2, 3, 4].map(image);
    const alone = await loadModel(bytes, { cacheFolder: null, batch: 1 });
    const single = await alone.gradient(target)(images);
    for (const batch of [2, 4, 8]) {
      const classifier = await loadModel(bytes, { cacheFolder: null, batch });
      const together = await classifier.gradient(target)(images);
      expect(maxRelative(together.values, single.values)).toBeLessThan(1e-6);
      images.forEach((_, index) =>
        expect(maxRelative(together.gradients[index]!, single.gradients[index]!)).toBeLessThan(1e-5),
      );
      await classifier.close();
    }
    await alone.close();
  });

  it("answers the same from worker threads, and ends them", async () => {
    const images = [0, 1, 2, 3, 4, 5, 6, 7].map(image);
    const here = await loadModel(bytes, { cacheFolder: null, workers: 1, batch: 1 });
    const there = await loadModel(bytes, { cacheFolder: null, workers: 2 });
    const [one, other] = [await here.gradient(target)(images), await there.gradient(target)(images)];
    expect(other.values).toEqual(one.values);
    images.forEach((_, index) =>
      expect(Buffer.from(other.gradients[index]!.buffer).equals(Buffer.from(one.gradients[index]!.buffer))).toBe(true),
    );
    const chains = [await here.segmentGradient(target)(images), await there.segmentGradient(target)(images)];
    expect(chains[1]!.end).toBeCloseTo(chains[0]!.end, 5);
    chains[0]!.gradients.forEach((gradient, index) =>
      expect(maxRelative(chains[1]!.gradients[index]!, gradient)).toBeLessThan(1e-5),
    );
    await expect(there.gradient({ classIndex: 9, of: "logit" })(images)).rejects.toMatchObject({
      code: "target.class",
    });
    await here.close();
    await there.close();
  });

  it("keeps gradient graphs in the cache folder, and uses them", async () => {
    const first = await loadModel(bytes, { cacheFolder: folder, batch: 1 });
    const want = await first.gradient(target)([image(0)]);
    await first.close();
    expect((await readdir(folder)).length).toBe(1);
    const second = await loadModel(bytes, { cacheFolder: folder, batch: 1 });
    expect((await second.gradient(target)([image(0)])).gradients).toEqual(want.gradients);
    await second.gradient(target, "guided")([image(0)]);
    await second.close();
    expect((await readdir(folder)).length).toBe(2);
  });

  it("never computes elsewhere than asked", async () => {
    const classifier = await loadModel(bytes, { cacheFolder: null, provider: "cuda" });
    await expect(classifier.predict([image(0)])).rejects.toMatchObject({
      name: "EnvironmentError",
      code: "provider.unavailable",
      message: expect.stringContaining("cuda"),
    });
  });

  it("names what is wrong with images, targets and class names", async () => {
    const classifier = await loadModel(bytes, { cacheFolder: null });
    await expect(classifier.predict([new Float32Array(5)])).rejects.toMatchObject({
      code: "inference.input-size",
      message: expect.stringContaining("3 × 32 × 32 = 3072 values but received 5"),
    });
    await expect(classifier.predict([image(0).fill(NaN)])).rejects.toMatchObject({
      name: "ImageError",
      code: "image.not-finite",
    });
    await expect(classifier.predict([image(0).fill(3e38)])).rejects.toMatchObject({
      name: "ImageError",
      code: "inference.not-finite",
    });
    await expect(classifier.gradient({ classIndex: 3, of: "logit" })([image(0)])).rejects.toMatchObject({
      code: "target.class",
      message: expect.stringContaining("from 0 to 2"),
    });
    await classifier.close();
    await expect(loadModel(bytes, { classNames: ["a"] })).rejects.toMatchObject({ code: "model.classes" });
    await expect(loadModel(path.join(folder, "none.onnx"))).rejects.toMatchObject({ code: "model.not-found" });
    await expect(loadModel(bytes, { featureLayer: "layer9" })).rejects.toMatchObject({
      code: "model.unknown-layer",
      message: expect.stringContaining("layer"),
    });
  });

  it("tries smaller batches when memory runs out, and says so when one image is too many", async () => {
    const original = Session.prototype.run;
    let most = 2;
    const run = jest.spyOn(Session.prototype, "run").mockImplementation(function (this: Session, feeds, fetches) {
      const batch = feeds["input"]!.dims[0]!;
      return batch > most
        ? Promise.reject(new Error("CUDA failure 2: out of memory"))
        : original.call(this, feeds, fetches);
    });
    const classifier = await loadModel(bytes, { cacheFolder: null, batch: 8, workers: 1 });
    const { gradients } = await classifier.gradient(target)([0, 1, 2, 3, 4, 5].map(image));
    expect(gradients.length).toBe(6);
    expect(run.mock.calls.map(([feeds]) => feeds["input"]!.dims[0])).toEqual([8, 4, 2, 2, 2]);
    most = 0;
    await expect(classifier.predict([image(0)])).rejects.toMatchObject({
      name: "EnvironmentError",
      code: "memory.exhausted",
    });
    run.mockRestore();
    await classifier.close();
  });

  it("refuses NaN weights, naming the tensor", async () => {
    const bad = new Map(weights).set("bn1.bias", float32Tensor(Float32Array.of(0, 0, 0, NaN, 0, 0, 0, 0)));
    await expect(loadModel(writeModel(network.build(bad)))).rejects.toMatchObject({
      code: "model.nan-weights",
      message: expect.stringContaining('"bn1.bias" holds NaN at element 3'),
    });
  });

  it("refuses a gradient of logits that do not depend on the input", async () => {
    const constant = network.build(weights);
    const head = constant.graph.nodes.at(-1)!;
    constant.graph.initializers.set("fixed", float32Tensor(new Float32Array(256).fill(1), [1, 256]));
    head.inputs[0] = "fixed";
    const classifier = await loadModel(writeModel(constant), { cacheFolder: null });
    await expect(classifier.gradient(target)([image(0)])).rejects.toMatchObject({
      name: "ModelError",
      code: "autodiff.independent",
    });
  });
});

describe("the memory budget", () => {
  const source = classModelOf(
    networkNamed("densenet121-mini", { classes: 3, size: 64 }).build(
      initializeWeights(networkNamed("densenet121-mini", { classes: 3 }), 1),
    ),
  );
  const request = { of: "logit", rule: "true" } as const;

  it("grows with the batch as the activations do", () => {
    const one = peakActivationBytes(gradientGraphOf(source, { ...request, batch: 1 }));
    const four = peakActivationBytes(gradientGraphOf(source, { ...request, batch: 4 }));
    expect(four / one).toBeCloseTo(4, 1);
  });

  it("sets the batch: more memory, larger batches, 8 at most", () => {
    const single = gradientGraphOf(source, { ...request, batch: 1 });
    const one = peakActivationBytes(single);
    const demand = demandOf(single);
    expect(() => batchWithin(one / 2, demand)).toThrow(/memory budget of at least .* MiB .*for one image/);
    const whole = 2 * weightBytes(single) + 1.4 * one;
    expect([fitsWithin(whole, demand), fitsWithin(whole / 2, demand), batchWithin(whole, demand)]).toEqual([
      true,
      false,
      1,
    ]);
    const batches = [2, 4, 6, 100].map((times) => batchWithin(2 * weightBytes(single) + times * 1.5 * one, demand));
    expect(batches).toEqual(batches.toSorted((a, b) => a - b));
    expect(batches.at(-1)).toBe(8);
  });
});

describeWithReference("gradients through the loaded classifier against the float64 oracle", (folder) => {
  it.each(["resnet50-mini", "ran92-mini", "densenet121-mini", "densenet121-rca-mini"])("%s", async (name) => {
    const definition = networkNamed(name, { classes: 5, size: 64 });
    const goldens = readSafetensors(readFileSync(path.join(folder, `oracle/mini/${name}/goldens.safetensors`)));
    const input = readSafetensors(await readFile(path.join(folder, "oracle/mini/inputs-64.safetensors"))).get("herlev")!
      .data as Float32Array;
    const golden = (quantity: string) => goldens.get(`herlev.${quantity}`)!.data as Float32Array;
    const classifier = await loadModel(writeModel(definition.build(weightsByName(definition))), {
      cacheFolder: null,
      featureLayer: definition.featureLayer,
    });
    const [prediction] = await classifier.predict([input]);
    expect(maxRelative(prediction!.logits, golden("logits"))).toBeLessThan(1e-5);
    expect(maxRelative(prediction!.probabilities, golden("softmax"))).toBeLessThan(1e-5);
    const { classIndex } = prediction!;
    const got = {
      grad_logit: (await classifier.gradient({ classIndex, of: "logit" })([input])).gradients[0]!,
      grad_probability: (await classifier.gradient({ classIndex, of: "probability" })([input])).gradients[0]!,
      guided_backprop: (await classifier.gradient({ classIndex, of: "logit" }, "guided")([input])).gradients[0]!,
    };
    for (const [quantity, gradient] of Object.entries(got)) {
      expect({ quantity, close: maxRelative(gradient, golden(quantity)) < 1e-5 }).toEqual({ quantity, close: true });
    }
    const layer = await classifier.layerGradient({ classIndex, of: "logit" })([input]);
    expect(layer.dims.slice(1)).toEqual(goldens.get("herlev.gradcam_signed")!.dims.slice(2));
    await classifier.close();
  });
});
