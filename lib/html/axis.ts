/** One side of a plot: from which value to which, and where it has ticks. */
export interface Axis {
  readonly title: string;
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  /** How a tick's value reads. */
  readonly label: (value: number) => string;
}

const ticksWanted = 5;

/** An axis that ends at the given values; its ticks are multiples of 1, 2 or 5 times a power of ten. */
export function axis(title: string, from: number, to: number, { whole = false } = {}): Axis {
  const step = stepOf(from, to, whole);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  const ticks = Array.from({ length: Math.max(0, last - first) + 1 }, (_, i) => (first + i) * step);
  return { title, from, to, ticks, label: labelOf(step) };
}

/** An axis from nothing to the first tick at or above all values; what is not finite is left aside. */
export function axisFromZero(title: string, values: readonly number[]): Axis {
  const greatest = values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, value) : most), 0) || 1;
  const step = stepOf(0, greatest, false);
  return axis(title, 0, Math.ceil(greatest / step - 1e-9) * step);
}

/** Where a value lies between the ends, 0 to 1; what is beyond lies at the end. */
export function placeOn({ from, to }: Axis, value: number): number {
  if (to <= from) return 0.5;
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}

function stepOf(from: number, to: number, whole: boolean): number {
  const rough = Math.max(to - from, Number.MIN_VALUE * 1e20) / ticksWanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((times) => times * power >= rough * (1 - 1e-9)) ?? 10) * power;
  return whole ? Math.max(1, step) : step;
}

function labelOf(step: number): (value: number) => string {
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return (value) => (decimals > 4 ? value.toExponential(1) : value.toFixed(decimals));
}
