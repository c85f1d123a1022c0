import type { Model } from "../../lib/onnx/model";
import { WireWriter } from "../../lib/onnx/wire";
import { writeModel } from "../../lib/onnx/write-model";

/** As torch.onnx.export writes them since 2.9: every initialiser in <location>, one after the other. */
export function withWeightsBeside(plain: Model, location: string): { model: Uint8Array; data: Uint8Array } {
  const graph = new WireWriter();
  const parts: Uint8Array[] = [];
  let offset = 0;
  const bare = writeModel({ ...plain, graph: { ...plain.graph, initializers: new Map() } });
  for (const [name, { dims, data }] of plain.graph.initializers) {
    const values = data as Float32Array;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const tensor = new WireWriter();
    tensor.packedInt64(1, dims);
    tensor.int64(2, 1);
    tensor.string(8, name);
    for (const [key, value] of [
      ["location", location],
      ["offset", String(offset)],
      ["length", String(bytes.length)],
    ] as const) {
      const entry = new WireWriter();
      entry.string(1, key);
      entry.string(2, value);
      tensor.message(13, entry);
    }
    tensor.int64(14, 1);
    graph.message(5, tensor);
    parts.push(bytes);
    offset += bytes.length;
  }
  return { model: mergedGraphs(bare, graph), data: Buffer.concat(parts) };
}

/** The file with more fields in its graph, which is field 7. */
function mergedGraphs(whole: Uint8Array, more: WireWriter): Uint8Array {
  const rest = more.finish();
  const at = whole.indexOf(0x3a);
  const [length, used] = varint(whole, at + 1);
  const start = at + 1 + used;
  return Buffer.concat([
    whole.subarray(0, at + 1),
    toVarint(length + rest.length),
    whole.subarray(start, start + length),
    rest,
    whole.subarray(start + length),
  ]);
}

function varint(bytes: Uint8Array, at: number): [number, number] {
  let [value, shift, used] = [0, 0, 0];
  for (;;) {
    const byte = bytes[at + used++]!;
    value += (byte & 127) * 2 ** shift;
    shift += 7;
    if (byte < 128) return [value, used];
  }
}
function toVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest >= 128 ? (rest % 128) | 128 : rest);
    if (rest < 128) return Uint8Array.from(bytes);
  }
}
