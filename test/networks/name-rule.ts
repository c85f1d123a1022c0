import type { NetworkDefinition } from "../../lib/networks/network";
import type { Tensor } from "../../lib/onnx/model";
import { elementCount, float32Tensor } from "../../lib/onnx/tensor";

// Looking up a global is slow inside jest's sandbox: seconds for the full-size networks.
const { imul } = Math;

/**
 * The oracle's weights: a function of a tensor's name and shape (FNV-1a 64 seeds SplitMix64). 64-bit integers are held
 * as two halves, because BigInt would take minutes for the full-size networks.
 */
export function weightsByName(network: NetworkDefinition): Map<string, Tensor> {
  return new Map(network.parameters.map(({ name, shape }) => [name, tensorByName(name, shape)]));
}

export function tensorByName(name: string, shape: readonly number[]): Tensor {
  const data = new Float32Array(elementCount(shape));
  const { scale, offset } = scaleAndOffset(name, shape);
  fillUniform(fnv1a64(name), data, scale, offset);
  return float32Tensor(data, shape);
}

export function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

export function scaleAndOffset(name: string, shape: readonly number[]): { scale: number; offset: number } {
  if (name.endsWith("running_mean")) return { scale: 0.1, offset: 0 };
  if (name.endsWith("running_var")) return { scale: 0.5, offset: 1 };
  if (name.endsWith("bias")) return { scale: 0.1, offset: 0 };
  if (shape.length >= 2) {
    const he = Math.sqrt(6 / elementCount(shape.slice(1)));
    if (name === "fc.weight") return { scale: he * 0.03125, offset: 0 };
    return { scale: shape.length === 2 ? he * 0.25 : he, offset: 0 };
  }
  if (name.endsWith("bn3.weight")) return { scale: 0.0625, offset: 0.25 };
  if (/softmax\d_blocks\.[03]\.weight$/.test(name)) return { scale: 0.05, offset: 0.2 };
  return { scale: 0.25, offset: 1 };
}

function fillUniform(seed: bigint, data: Float32Array, scale: number, offset: number): void {
  let high = Number(seed >> 32n) | 0;
  let low = Number(seed & 0xffffffffn) | 0;
  for (let index = 0; index < data.length; index++) {
    const sum = (low >>> 0) + 0x7f4a7c15;
    low = sum | 0;
    high = (high + 0x9e3779b9 + (sum > 0xffffffff ? 1 : 0)) | 0;

    let zl = low ^ ((low >>> 30) | (high << 2));
    let zh = high ^ (high >>> 30);
    let product = multiplyHigh(zl, 0x1ce4e5b9);
    zh = (product + imul(zh, 0x1ce4e5b9) + imul(zl, 0xbf58476d)) | 0;
    zl = imul(zl, 0x1ce4e5b9);
    zl ^= (zl >>> 27) | (zh << 5);
    zh ^= zh >>> 27;
    product = multiplyHigh(zl, 0x133111eb);
    zh = (product + imul(zh, 0x133111eb) + imul(zl, 0x94d049bb)) | 0;
    zh ^= zh >>> 31;
    data[index] = ((zh >>> 8) / 2 ** 23 - 1) * scale + offset;
  }
}

/** The upper half of the product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff,
    ah = a >>> 16,
    bl = b & 0xffff,
    bh = b >>> 16;
  const middle = ah * bl + ((al * bl) >>> 16);
  const other = al * bh + (middle & 0xffff);
  return (ah * bh + (middle >>> 16) + (other >>> 16)) | 0;
}
