import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { readCheckpointFile } from "../lib/networks/read-checkpoint-file";
import { writeSafetensors } from "../lib/networks/safetensors";
import type { Tensor } from "../lib/onnx/model";
import { dictionary } from "../test/checkpoints/pickler";
import { storage, tensor, torchLegacy, torchZip } from "../test/checkpoints/torch-save";

/**
 * Time and memory of reading checkpoints of about 100 MB, each in a process of its own. Memory is the most that the
 * process ever held, less what it held before reading, as a multiple of the file's size.
 *
 *     node dist/bench/checkpoints.js
 */
const rows = 256;
const columns = 1024;
const megabytes = 100;

interface Kind {
  readonly type: "FloatStorage" | "HalfStorage" | "DoubleStorage";
  readonly bytes: 2 | 4 | 8;
  readonly stride?: readonly number[];
  readonly write: typeof torchZip | typeof torchLegacy;
}

const kinds: Readonly<Record<string, Kind>> = {
  "float32, zip": { type: "FloatStorage", bytes: 4, write: torchZip },
  "float32, before 1.6": { type: "FloatStorage", bytes: 4, write: torchLegacy },
  "float32, transposed": { type: "FloatStorage", bytes: 4, write: torchZip, stride: [1, rows] },
  "float16, zip": { type: "HalfStorage", bytes: 2, write: torchZip },
  "float64, zip": { type: "DoubleStorage", bytes: 8, write: torchZip },
};

function data(bytes: 2 | 4 | 8): Float32Array | Float64Array | Uint16Array {
  const length = rows * columns;
  if (bytes === 2) return Uint16Array.from({ length }, (_, index) => index % 0x7c00);
  return bytes === 4 ? new Float32Array(length).fill(0.5) : new Float64Array(length).fill(0.5);
}

function fileOf({ type, bytes, stride, write }: Kind): Uint8Array {
  const count = Math.round((megabytes * 1e6) / (rows * columns * bytes));
  const storages = Array.from({ length: count }, (_, index) => storage(`${index}`, type, data(bytes)));
  const view = { size: [rows, columns], ...(stride ? { stride } : {}) };
  const named = storages.map((of, index) => [`layer${index}.weight`, tensor(of, view, write === torchLegacy)] as const);
  return write(dictionary(Object.fromEntries(named)), storages);
}

function safetensors(dataType: "float32" | "float16"): Uint8Array {
  const bytes = dataType === "float32" ? 4 : 2;
  const count = Math.round((megabytes * 1e6) / (rows * columns * bytes));
  const one: Tensor = { dataType, dims: [rows, columns], data: data(bytes) };
  return writeSafetensors(new Map(Array.from({ length: count }, (_, index) => [`layer${index}.weight`, one])));
}

async function measure(file: string): Promise<void> {
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const { tensors } = await readCheckpointFile(file);
  const seconds = (performance.now() - start) / 1000;
  const most = process.resourceUsage().maxRSS * 1024 - before;
  console.log(
    `${seconds.toFixed(2)} s, ${(most / statSync(file).size).toFixed(2)} x its size, ${tensors.size} tensors`,
  );
}

const files: Readonly<Record<string, () => Uint8Array>> = {
  ...Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, () => fileOf(kind)])),
  "float32, safetensors": () => safetensors("float32"),
  "float16, safetensors": () => safetensors("float16"),
};

/** A process that was started by a large one counts that one's memory as its own, so this one writes nothing itself. */
function main(): void {
  const folder = mkdtempSync(path.join(os.tmpdir(), "cytolens-bench-"));
  const file = path.join(folder, "checkpoint");
  try {
    for (const name of Object.keys(files)) {
      spawnSync(process.execPath, [__filename, file, name], { stdio: "inherit" });
      const { stdout, stderr } = spawnSync(process.execPath, [__filename, file], { encoding: "utf8" });
      console.log(`${name}: ${(statSync(file).size / 1e6).toFixed(0)} MB, ${stdout.trim()}${stderr}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [, , given, written] = process.argv;
if (given === undefined) main();
else if (written === undefined) void measure(given);
else writeFileSync(given, files[written]?.() ?? "");
