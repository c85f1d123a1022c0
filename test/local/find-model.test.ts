import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { requireDocument } from "../../lib/bucket/documents";
import { sha256Of } from "../../lib/contract/digests";
import { modelCard } from "../../lib/contract/model-card";
import { modelCardKey } from "../../lib/contract/object-keys";
import { loadModel } from "../../lib/inference/load-model";
import { findModel } from "../../lib/local/find-model";
import { publishFoundModel } from "../../lib/local/publish-found-model";
import { FolderStore } from "../../lib/storage/folder-store";
import { withCardInside } from "../../lib/local/card-inside";
import { writeModelFolder } from "../../lib/networks/model-folder";
import type { Model } from "../../lib/onnx/model";
import { readModel } from "../../lib/onnx/read-model";
import { float32Tensor } from "../../lib/onnx/tensor";
import { writeModel } from "../../lib/onnx/write-model";
import { describeWithReference } from "../reference";
import { withWeightsBeside } from "./weights-beside";
import { side, smallClassifier, smallImage } from "../inference/small-classifier";

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "cytolens-find-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const plain = smallClassifier(3, { nodes: [["Softmax", ["scores"], ["y"], { axis: 1 }]] });

/** A file in a folder of its own. */
async function fileOf(model: Model | Uint8Array, name = "model.onnx"): Promise<string> {
  const place = path.join(folder, `case-${count++}`);
  await mkdir(place);
  const file = path.join(place, name);
  await writeFile(file, model instanceof Uint8Array ? model : writeModel(model));
  return file;
}

const withMetadata = (entries: Record<string, string>, model = plain): Model => ({
  ...model,
  metadata: new Map(Object.entries(entries)),
});

const rejection = async (action: Promise<unknown>): Promise<{ code: string; message: string }> =>
  action.then(
    () => ({ code: "none", message: "" }),
    (error: { code: string; message: string }) => error,
  );

describe("a card that is drafted", () => {
  test("says what was guessed, in sentences, where nobody says anything", async () => {
    const found = await findModel(await fileOf(plain));
    expect(found!.card).toMatchObject({
      classes: ["class 0", "class 1", "class 2"],
      head: "softmax",
      input: { name: "image", height: side, width: side, mean: [0.485, 0.456, 0.406] },
      guesses: [
        "class names are a guess (numbers): say --classes",
        "normalisation is a guess (ImageNet's): say --mean and --std",
      ],
    });
    expect(found!.facts!.filter(({ origin }) => origin === "guessed").map(({ field }) => field)).toEqual([
      "classes",
      "channels",
      "normalisation",
    ]);
  });

  test("guesses the size of a model that leaves it open, and says so", async () => {
    const open = smallClassifier(3, {
      inputs: { image: ["N", 3, "h", "w"] },
      nodes: [["Identity", ["scores"], ["y"]]],
    });
    const [guessed, given] = [
      await findModel(await fileOf(open)),
      await findModel(await fileOf(open), { size: { height: 40, width: 48 } }),
    ];
    expect(guessed!.card.guesses).toContain("input size is a guess (224 pixels): say --size");
    expect(given!.card.guesses).not.toContain("input size is a guess (224 pixels): say --size");
    expect(given!.card.input).toMatchObject({ height: 40, width: 48 });
  });

  test.each<[string, Record<string, string>, object]>([
    [
      "Ultralytics",
      {
        names: "{0: 'koilocyte', 1: \"doctor's normal\", 2: 'debris'}",
        imgsz: "[8, 8]",
        task: "classify",
        author: "Ultralytics",
      },
      { classes: ["koilocyte", "doctor's normal", "debris"], input: { scale: 1 / 255, mean: [0], std: [1] } },
    ],
    [
      "timm",
      {
        pretrained_cfg: JSON.stringify({
          label_names: ["a", "b", "c"],
          mean: [0.5, 0.5, 0.5],
          std: [0.25, 0.25, 0.25],
          input_size: [3, 8, 8],
        }),
      },
      { classes: ["a", "b", "c"], input: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } },
    ],
    [
      "Hugging Face",
      {
        id2label: '{"2": "c", "0": "a", "1": "b"}',
        image_mean: "[0.5, 0.5, 0.5]",
        image_std: "[0.5, 0.5, 0.5]",
      },
      { classes: ["a", "b", "c"], input: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } },
    ],
    [
      "Custom Vision",
      { "Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_0_255", classes: "a,b,c" },
      { classes: ["a", "b", "c"], input: { channels: "BGR", scale: 1, mean: [0], std: [1] } },
    ],
  ])("is filled from the metadata of %s", async (_name, metadata, card) => {
    const found = await findModel(await fileOf(withMetadata(metadata)));
    expect(found!.card).toMatchObject(card);
    expect(found!.card.guesses).toBeUndefined();
    expect(found!.facts!.find(({ field }) => field === "classes")).toMatchObject({
      origin: "read",
      from: expect.stringMatching(/^metadata "/),
    });
  });

  test("names of other classes than the output has are no names", async () => {
    const found = await findModel(await fileOf(withMetadata({ names: "['a', 'b']" })));
    expect(found!.card.classes).toEqual(["class 0", "class 1", "class 2"]);
  });

  test("what is given comes before what is read", async () => {
    const file = await fileOf(withMetadata({ names: "['a', 'b', 'c']", mean: "[0.5, 0.5, 0.5]" }));
    const found = await findModel(file, {
      classes: ["x", "y", "z"],
      mean: [0.1],
      std: [0.2],
      channels: "BGR",
      severity: ["y", "x"],
      mpp: 0.25,
    });
    expect(found!.card).toMatchObject({
      classes: ["x", "y", "z"],
      input: { mean: [0.1], std: [0.2], channels: "BGR" },
      severity: ["y", "x"],
      mpp: 0.25,
    });
  });

  test.each<[string, Parameters<typeof findModel>[1], RegExp]>([
    ["too few names", { classes: ["a", "b"] }, /^model\.classes: Expected 3 class names.*received 2/],
    ["two means", { mean: [0.5, 0.5] }, /^model\.card: .*input\.mean: Expected one number, or 3 for RGB images/s],
    ["a severity of strangers", { severity: ["a"] }, /^model\.card: .*severity: Expected names of the classes/s],
    ["two thresholds for three", { thresholds: [0.5, 0.4] }, /^model\.card: .*thresholds: Expected one number, or 3/s],
  ])("is refused with %s", async (_name, given, message) => {
    const { code, message: text } = await rejection(findModel(await fileOf(plain), given));
    expect(`${code}: ${text}`).toMatch(message);
  });

  test("a detector is refused by its metadata", async () => {
    const { code, message } = await rejection(findModel(await fileOf(withMetadata({ task: "detect" }))));
    expect([code, message]).toEqual(["model.not-scores", expect.stringContaining('its task is "detect"')]);
  });

  test("NaN among the weights is refused, in half precision too", async () => {
    const bad = smallClassifier(3, { nodes: [["Identity", ["scores"], ["y"]]] });
    bad.graph.initializers.set("bias", float32Tensor([0, NaN, 0]));
    expect(await rejection(findModel(await fileOf(bad)))).toMatchObject({ code: "model.nan-weights" });
    const half = smallClassifier(3, {
      types: { image: "float16", y: "float16" },
      nodes: [["Identity", ["scores"], ["y"]]],
    });
    for (const [name, { dims, data }] of half.graph.initializers)
      half.graph.initializers.set(name, { dataType: "float16", dims, data: new Uint16Array(data.length).fill(0x7e00) });
    expect(await rejection(findModel(await fileOf(half)))).toMatchObject({ code: "model.nan-weights" });
  });
});

describe("models that do not answer for each image alone", () => {
  test("normalisation by the batch is noticed", async () => {
    const byBatch = smallClassifier(3, {
      nodes: [
        ["ReduceMean", ["scores"], ["middle"], { axes: [0], keepdims: 1 }],
        ["Sub", ["scores", "middle"], ["y"]],
      ],
    });
    expect(await rejection(findModel(await fileOf(byBatch), { head: "softmax" }))).toMatchObject({
      code: "model.batch-dependent",
    });
  });

  test("dropout that is on is noticed", async () => {
    const random = smallClassifier(12, {
      nodes: [["Dropout", ["scores", "ratio", "training"], ["y"]]],
      initializers: {
        ratio: float32Tensor(0.5),
        training: { dataType: "bool", dims: [], data: Uint8Array.of(1) },
      },
    });
    expect(await rejection(findModel(await fileOf(random)))).toMatchObject({ code: "model.random" });
  });

  test("dynamic quantisation, which takes its scale from the batch, is run one image at a time", async () => {
    const quantised = smallClassifier(3, {
      before: [
        ["DynamicQuantizeLinear", ["image"], ["whole", "scale", "zero"]],
        ["DequantizeLinear", ["whole", "scale", "zero"], ["coarse"]],
      ],
      from: "coarse",
      nodes: [["Identity", ["scores"], ["y"]]],
    });
    const file = await fileOf(quantised);
    await expect(findModel(file)).resolves.toMatchObject({ card: { head: "softmax" } });
    const classifier = await loadModel(file, { cacheFolder: null });
    const alone = await classifier.predict([smallImage(1)]);
    const [, beside] = await classifier.predict([smallImage(0).map((value) => 20 * value), smallImage(1)]);
    expect(beside!.logits).toEqual(alone[0]!.logits);
    await expect(classifier.gradient({ classIndex: 0, of: "logit" })([smallImage(1)])).rejects.toMatchObject({
      code: expect.stringMatching(/^autodiff\./),
    });
    await classifier.close();
  });
});

describe("a card.json beside an ONNX file", () => {
  const described = {
    schemaVersion: 1,
    name: "mine",
    title: "Mine",
    sha256: sha256Of(writeModel(plain)),
    classes: ["a", "b", "c"],
    input: { height: side, width: side, mean: [0.5], std: [0.5] },
    data: { description: "mine" },
  };
  const beside = async (text: string): Promise<string> => {
    const file = await fileOf(plain);
    await writeFile(path.join(path.dirname(file), "card.json"), text);
    return file;
  };

  test("is used, in the command line and in the library", async () => {
    const file = await beside(`\uFEFF${JSON.stringify(described)}`);
    const found = await findModel(file);
    expect(found!.card).toMatchObject({ classes: ["a", "b", "c"], input: { mean: [0.5], std: [0.5] } });
    expect(found!.facts).toBeUndefined();
    const classifier = await loadModel(file, { cacheFolder: null });
    expect(classifier.classNames).toEqual(["a", "b", "c"]);
    await classifier.close();
  });

  test("gives way to what is said at the command", async () => {
    const found = await findModel(await beside(JSON.stringify(described)), { classes: ["x", "y", "z"] });
    expect(found!.card).toMatchObject({ classes: ["x", "y", "z"], input: { mean: [0.5] } });
    expect(found!.facts).toEqual([{ field: "classes", value: "x, y, z", origin: "given", from: "--classes" }]);
  });

  test.each<[string, string, string, RegExp]>([
    ["no JSON", "{", "model.card", /Expected JSON in .*card\.json/],
    [
      "incomplete: every field that is missing is named",
      JSON.stringify({ schemaVersion: 1, classes: ["a"] }),
      "model.card",
      /name: .*\n.*title: .*\n.*sha256: /s,
    ],
    [
      "of an earlier model",
      JSON.stringify({ ...described, sha256: "0".repeat(64) }),
      "model.digest-mismatch",
      /to have the sha256 0000.* of its card but it has/,
    ],
    [
      "with too few names",
      JSON.stringify({ ...described, classes: ["a", "b"] }),
      "model.classes",
      /Expected 3 class names/,
    ],
  ])("is refused when it is %s", async (_name, text, code, message) => {
    expect(await rejection(findModel(await beside(text)))).toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});

test("a model with its card inside has a digest of its own and computes the same", async () => {
  const found = (await findModel(await fileOf(plain), { mean: [0.5], std: [0.5] }))!;
  const inside = withCardInside(found);
  expect(inside.card.sha256).toBe(sha256Of(inside.bytes));
  expect(inside.card.sha256).not.toBe(found.card.sha256);
  expect(inside.card.source).toMatchObject({ sha256: found.card.sha256 });
  expect(withCardInside(found).card.sha256).toBe(inside.card.sha256);
  expect(readModel(inside.bytes).graph.nodes).toEqual(readModel(found.bytes).graph.nodes);
});

test("in a bucket a card that says otherwise makes another model, and the first stays", async () => {
  const store = new FolderStore(path.join(folder, "bucket"));
  const found = (await findModel(await fileOf(plain)))!;
  const { facts: _, ...asItIs } = found;
  const first = await publishFoundModel(store, asItIs, ["default"]);
  expect(first.sha256).toBe(found.card.sha256);
  expect((await publishFoundModel(store, asItIs)).sha256).toBe(first.sha256);
  const renamed = { ...asItIs, card: { ...asItIs.card, classes: ["x", "y", "z"] } };
  const second = await publishFoundModel(store, renamed);
  expect(second.sha256).not.toBe(first.sha256);
  for (const card of [first, second])
    expect((await requireDocument(store, modelCardKey(card.sha256), modelCard)).classes).toEqual(card.classes);
});

describe("weights in a file beside the model", () => {
  test("are read, and counted by the digest", async () => {
    const { model, data } = withWeightsBeside(plain, "weights.bin");
    const file = await fileOf(model);
    await writeFile(path.join(path.dirname(file), "weights.bin"), data);
    const found = (await findModel(file))!;
    expect(found.card.sha256).toBe(sha256Of(found.bytes));
    expect([...readModel(found.bytes).graph.initializers].map(([name, { data: values }]) => [name, values])).toEqual(
      [...plain.graph.initializers].map(([name, { data: values }]) => [name, values]),
    );
    const [whole, parted] = await Promise.all([
      loadModel(writeModel(plain), { cacheFolder: null }),
      loadModel(file, { cacheFolder: null }),
    ]);
    expect((await parted.predict([smallImage(1)]))[0]!.logits).toEqual(
      (await whole.predict([smallImage(1)]))[0]!.logits,
    );
    await Promise.all([whole.close(), parted.close()]);
    await writeFile(
      path.join(path.dirname(file), "weights.bin"),
      data.map((byte, index) => (index === 3 ? byte ^ 1 : byte)),
    );
    expect((await findModel(file))!.card.sha256).not.toBe(found.card.sha256);
  });

  test("a folder's card may name the digest of model.onnx alone", async () => {
    const { model, data } = withWeightsBeside(plain, "weights.bin");
    const place = path.join(folder, `case-${count++}`);
    await writeModelFolder(place, model, {
      name: "parted",
      title: "Parted",
      classes: ["a", "b", "c"],
      input: { height: side, width: side },
      data: { description: "none" },
    });
    await writeFile(path.join(place, "weights.bin"), data);
    const found = (await findModel(place))!;
    expect(found.card).toMatchObject({ classes: ["a", "b", "c"], source: { sha256: sha256Of(model) } });
    expect(found.card.sha256).toBe(sha256Of(found.bytes));
  });

  test.each<[string, string, RegExp]>([
    ["a path upwards", "../weights.bin", /leads elsewhere/],
    ["an absolute path", path.join(os.tmpdir(), "weights.bin"), /leads elsewhere/],
    ["a path upwards in the middle", "a/../../weights.bin", /leads elsewhere/],
    ["a drive", "C:weights.bin", /leads elsewhere/],
    ["nothing", "", /leads elsewhere/],
    ["a file that is not there", "none.bin", /is not there; keep it beside the model/],
    ["a link", "link.bin", /is a link/],
    ["a folder that is a link", "linked/weights.bin", /is a link/],
    ["a folder", "inner", /is no file/],
    ["a file that is too short", "short.bin", /bytes, and \d+ from \d+ on were asked for/],
  ])("%s is refused", async (_name, location, message) => {
    const { model, data } = withWeightsBeside(plain, location);
    const file = await fileOf(model);
    const place = path.dirname(file);
    await writeFile(path.join(place, "weights.bin"), data);
    await writeFile(path.join(folder, "weights.bin"), data);
    await writeFile(path.join(place, "short.bin"), data.subarray(0, 40));
    await mkdir(path.join(place, "inner"));
    await symlink(path.join(place, "weights.bin"), path.join(place, "link.bin"));
    await symlink(place, path.join(place, "linked"));
    const { code, message: text } = await rejection(findModel(file));
    expect([code, text]).toEqual(["model.external-data", expect.stringMatching(message)]);
  });
});

describeWithReference("models of the field", (reference) => {
  test("external data, names in metadata and their normalisation", async () => {
    const parted = await findModel(path.join(reference, "field/external-data/model.onnx"));
    expect(parted!.card.classes).toHaveLength(3);
    const named = await findModel(path.join(reference, "field/metadata-names/model.onnx"));
    expect(named!.card).toMatchObject({
      classes: ["koilocyte", "normal", "debris"],
      input: { scale: 1 / 255, mean: [0], std: [1] },
    });
    expect(named!.card.guesses).toBeUndefined();
  });
});
