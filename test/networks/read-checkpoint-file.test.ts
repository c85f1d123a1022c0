import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { readCheckpointFile } from "../../lib/networks/read-checkpoint-file";
import { networkNamed } from "../../lib/networks/catalogue";
import { initializeWeights } from "../../lib/networks/initialize";
import { loadWeights } from "../../lib/networks/load-weights";
import { writeSafetensors } from "../../lib/networks/safetensors";
import type { Tensor } from "../../lib/onnx/model";
import { float32Tensor } from "../../lib/onnx/tensor";
import { dictionary, orderedDictionary } from "../checkpoints/pickler";
import { storage, tensor, torchZip } from "../checkpoints/torch-save";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "cytolens-checkpoint-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const place = path.join(folder, name);
  await writeFile(place, bytes);
  return place;
}

const oldName = (name: string): string => `module.${name.replace(/(denselayer\d+\.(?:norm|conv))([12]\.)/, "$1.$2")}`;

describe("a checkpoint file", () => {
  it("holds a network's weights as a training program left them, under old and prefixed names", async () => {
    const network = networkNamed("densenet121-rca-mini", { classes: 2 });
    const weights = initializeWeights(network, 1);
    const entries = [...weights].map(([name, { data, dims }], index) => {
      const of = storage(`${index}`, "FloatStorage", data as Float32Array);
      return { name: oldName(name), of, value: tensor(of, { size: dims }) };
    });
    const stateDict = orderedDictionary(Object.fromEntries(entries.map(({ name, value }) => [name, value])));
    const bytes = torchZip(
      dictionary({ epoch: 9, state_dict: stateDict }),
      entries.map(({ of }) => of),
    );
    const { tensors, format, notes } = await readCheckpointFile(await file("model.pth", bytes));
    expect(format).toBe("pytorch-zip");
    expect(notes).toEqual([
      "The weights are those under state_dict",
      '"module." is taken off all names',
      expect.stringMatching(/^\d+ old DenseNet names/),
    ]);
    const loaded = loadWeights(network, tensors);
    for (const [name, { dims, data }] of weights) expect(loaded.get(name)).toEqual({ dataType: "float32", dims, data });
  });

  it("may be safetensors of any float type, whatever its name", async () => {
    const given = new Map<string, Tensor>([
      ["model.half", { dataType: "float16", dims: [2], data: Uint16Array.of(0x3c00, 0xc000) }],
      ["model.brain", { dataType: "bfloat16", dims: [1], data: Uint16Array.of(0x4049) }],
      ["model.double", { dataType: "float64", dims: [1], data: Float64Array.of(0.5) }],
      ["model.single", float32Tensor([3])],
      ["model.count", { dataType: "int64", dims: [], data: BigInt64Array.of(4n) }],
    ]);
    const { tensors, ...rest } = await readCheckpointFile(await file("weights.pth", writeSafetensors(given)));
    expect(rest).toEqual({ format: "safetensors", notes: ['"model." is taken off all names'] });
    expect(Object.fromEntries([...tensors].map(([name, { data }]) => [name, data]))).toEqual({
      half: Float32Array.of(1, -2),
      brain: Float32Array.of(3.140625),
      double: Float32Array.of(0.5),
      single: Float32Array.of(3),
      count: BigInt64Array.of(4n),
    });
  });

  it.each<[string, () => Promise<string>, { code: string; message?: unknown }]>([
    ["that is not there", async () => path.join(folder, "none.pth"), { code: "file.unreadable" }],
    ["that is a folder", async () => folder, { code: "file.unreadable", message: expect.stringMatching(/a folder$/) }],
    ["that is empty", () => file("empty.pth", new Uint8Array(0)), { code: "safetensors.invalid" }],
    ["that is a page", () => file("page.pth", Buffer.from("<!doctype html>")), { code: "safetensors.invalid" }],
    [
      "with NaN in safetensors",
      () => file("nan.safetensors", writeSafetensors(new Map([["w", float32Tensor([0, Number.NaN])]]))),
      { code: "checkpoint.not-finite", message: expect.stringMatching(/element 1 of w$/) },
    ],
  ])("%s is refused", async (_what, place, error) => {
    await expect(readCheckpointFile(await place())).rejects.toMatchObject(error);
  });
});
