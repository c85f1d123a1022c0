/** The straight line from a baseline (share 0) to an image (share 1). */
export class StraightPath {
  /** image − baseline, what each gradient is multiplied by. */
  readonly difference: Float32Array;

  constructor(
    private readonly image: Float32Array,
    private readonly baseline: Float32Array,
  ) {
    this.difference = image.map((value, index) => value - (baseline[index] as number));
  }

  pointAt(share: number): Float32Array {
    if (share === 1) return this.image;
    const { baseline, difference } = this;
    const point = new Float32Array(baseline.length);
    for (let index = 0; index < point.length; index++)
      point[index] = (baseline[index] as number) + share * (difference[index] as number);
    return point;
  }

  pointsAt(shares: readonly number[]): Float32Array[] {
    return shares.map((share) => this.pointAt(share));
  }

  /** The attribution of a mean gradient along the path. */
  timesDifference(meanGradient: Float64Array): Float32Array {
    return this.difference.map((difference, index) => difference * (meanGradient[index] as number));
  }
}

/** Cuts a list into groups of at most `size`. */
export function groupsOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** total += weight · values, element by element. */
export function accumulate(total: Float64Array, values: Float32Array, weight: number): void {
  for (let index = 0; index < total.length; index++)
    total[index] = (total[index] as number) + weight * (values[index] as number);
}
