/** Mixes a 32-bit state so that neighbouring counters give unrelated values (the finaliser of MurmurHash3). */
function mix(state: number): number {
  let bits = state | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** A uniform number in [0, 1) that is a function of (seed, stream, counter) alone: order and batching cannot change it. */
export function uniformAt(seed: number, stream: number, counter: number): number {
  const key = mix(seed ^ mix(stream + 0x9e3779b9));
  return mix(key ^ mix(counter + 0x7f4a7c15)) / 2 ** 32;
}
