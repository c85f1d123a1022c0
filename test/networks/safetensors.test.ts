import { readFileSync } from "node:fs";
import path from "node:path";
import { readSafetensors, writeSafetensors } from "../../lib/networks/safetensors";
import type { Tensor } from "../../lib/onnx/model";
import { float32Tensor, int64Tensor } from "../../lib/onnx/tensor";
import { describeWithReference } from "../reference";

function file(header: unknown, data = new Uint8Array(0)): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

const codeOf = (bytes: Uint8Array): string => {
  try {
    readSafetensors(bytes);
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  return "read";
};

describe("safetensors", () => {
  const tensors = new Map<string, Tensor>([
    ["small", { dataType: "uint8", dims: [3], data: Uint8Array.of(1, 2, 3) }],
    ["weights", float32Tensor([1.5, -2, Infinity, 0], [2, 2])],
    ["count", int64Tensor(7)],
    ["__proto__", float32Tensor([], [0, 4])],
  ]);

  it("reads what it writes, with names, shapes, types and values", () => {
    const back = readSafetensors(writeSafetensors(tensors, { by: "test" }));
    expect(new Set(back.keys())).toEqual(new Set(tensors.keys()));
    for (const [name, tensor] of tensors) expect(back.get(name)).toEqual(tensor);
  });

  it("reads from the middle of a larger buffer", () => {
    const bytes = writeSafetensors(tensors);
    const shifted = Buffer.concat([Buffer.from([9]), bytes]).subarray(1);
    expect(readSafetensors(shifted).get("weights")).toEqual(tensors.get("weights"));
  });

  it("refuses pickles, and says why and what to do", () => {
    expect(codeOf(Buffer.from("PK\u0003\u0004archive/data.pkl"))).toMatch(/^safetensors.pickle: .*any code.*save_file/);
    expect(codeOf(Buffer.from([0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9]))).toMatch(/^safetensors.pickle/);
  });

  it.each([
    ["nothing", new Uint8Array(0), "at least 8 bytes"],
    ["a page", Buffer.from("<!doctype html><p>not found"), "not a safetensors file"],
    ["a cut header", file({ a: 1 }).subarray(0, 10), "header of 7 bytes"],
    ["no JSON", file("{oops}"), "header in JSON"],
    ["a list", file([]), "JSON object"],
    [
      "an unknown type",
      file({ a: { dtype: "F8", shape: [], data_offsets: [0, 1] } }, new Uint8Array(1)),
      "dtype of tensor a",
    ],
    [
      "a negative extent",
      file({ a: { dtype: "U8", shape: [-1], data_offsets: [0, 1] } }, new Uint8Array(1)),
      "shape of tensor a",
    ],
    [
      "reversed offsets",
      file({ a: { dtype: "U8", shape: [1], data_offsets: [1, 0] } }, new Uint8Array(1)),
      "two ordered offsets",
    ],
    ["cut data", file({ a: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }, new Uint8Array(4)), "cut short"],
    [
      "a wrong length",
      file({ a: { dtype: "F32", shape: [2], data_offsets: [0, 4] } }, new Uint8Array(4)),
      "8 bytes for tensor a",
    ],
    [
      "an overlap",
      file(
        { a: { dtype: "U8", shape: [2], data_offsets: [0, 2] }, b: { dtype: "U8", shape: [2], data_offsets: [1, 3] } },
        new Uint8Array(3),
      ),
      "an overlap",
    ],
    ["a hole", file({ a: { dtype: "U8", shape: [1], data_offsets: [1, 2] } }, new Uint8Array(2)), "a hole"],
    [
      "bytes after the end",
      file({ a: { dtype: "U8", shape: [1], data_offsets: [0, 1] } }, new Uint8Array(2)),
      "1 bytes of data",
    ],
  ])("refuses %s", (_what, bytes, message) => {
    expect(codeOf(bytes)).toMatch(/^safetensors.invalid: /);
    expect(codeOf(bytes)).toContain(message);
  });
});

describeWithReference("safetensors files of the oracle", (folder) => {
  it("reads what the public library wrote", () => {
    const tensors = readSafetensors(readFileSync(path.join(folder, "oracle/training/batch.safetensors")));
    expect(tensors.get("images")?.dims).toEqual([8, 3, 64, 64]);
    expect(tensors.get("labels")).toMatchObject({ dataType: "int64", dims: [8] });
  });
});
