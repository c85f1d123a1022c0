/**
 * How closely equal segments should be cut further, from how much the gradient changes between neighbours: a segment's error
 * grows with the change within it. What was seen of four segments is not trusted blindly: no stretch gets less than a few cuts.
 *
 * @param variation distances between the mean gradients of neighbouring segments, one fewer than segments
 * @returns a positive density a segment
 */
export function densityOf(variation: readonly number[]): number[] {
  const largest = Math.max(...variation);
  if (!(largest > 0) || variation.length < 2) return [1];
  const floor = largest / 8;
  const between = variation.map((change) => Math.max(change, floor));
  const at = (index: number): number => between[index] as number;
  const inner = between.slice(1).map((change, index) => (change + at(index)) / 2);
  const last = between.length - 1;
  return [end(at(0), at(1)), ...inner, end(at(last), at(last - 1))];
}

/** Continues the line through the two changes nearest to an end. */
function end(nearest: number, next: number): number {
  return Math.max(1.5 * nearest - 0.5 * next, nearest / 2);
}

/** Shares from 0 to 1 that cut a line into segments of equal density, given the density on each of some equal stretches. */
export function cutsByDensity(density: readonly number[], segments: number): number[] {
  const whole = density.reduce((sum, value) => sum + value, 0);
  const cuts: number[] = [];
  let [stretch, before] = [0, 0];
  for (let cut = 0; cut < segments; cut++) {
    const mass = (cut / segments) * whole;
    while (stretch < density.length - 1 && before + (density[stretch] as number) <= mass)
      before += density[stretch++] as number;
    cuts.push((stretch + (mass - before) / (density[stretch] as number)) / density.length);
  }
  return [...cuts, 1];
}
