import type { Rewriting } from "../rewriting";

/** Channels that onnxruntime packs together in its blocked layout: 16 with AVX-512, 8 otherwise. */
const block = 16;

/** The channels of a map [batch, channels, height, width] of fixed shape that fill whole blocks; else undefined. */
export function blockedChannels(rewriting: Rewriting, value: string | undefined): number | undefined {
  const [, channels = 0, ...others] = rewriting.shape(value) ?? [];
  return others.length === 2 && channels % block === 0 ? channels : undefined;
}

/** The value as it comes out of a depthwise Conv with ones: the same numbers, in the blocked layout. */
export function inBlockedLayout(rewriting: Rewriting, value: string, channels: number): string {
  const ones = rewriting.weights(new Float32Array(channels).fill(1), [channels, 1, 1, 1], "ones");
  return rewriting.builder.add("Conv", [value, ones], { group: channels, kernel_shape: [1, 1] });
}
