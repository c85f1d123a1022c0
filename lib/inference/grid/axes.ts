/**
 * How a tensor's axes relate to the image. Each axis is a product of factors, outermost first, as a reshape makes and takes apart;
 * a factor counts positions along the batch, the image's rows, its columns, or something else (channels, heads). The strides of the
 * factors of one kind say how they make up one position: rows 56 cut into windows are [8, stride 7] and [7, stride 1].
 */
export interface Factor {
  readonly kind: "batch" | "row" | "column" | "other";
  readonly extent: number;
  /** Of one step along this factor, in positions of its kind. Of "other" it means nothing. */
  readonly stride: number;
}

/** Factors, with tokens of no place before and after them on the same axis (class and register tokens). */
export interface Axis {
  readonly factors: readonly Factor[];
  readonly before: number;
  readonly after: number;
}

export type Axes = readonly Axis[];

export const axisOf = (...factors: readonly Factor[]): Axis => ({
  factors: merged(factors.filter(({ extent }) => extent > 1)),
  before: 0,
  after: 0,
});

export const other = (extent: number): Axis => axisOf({ kind: "other", extent, stride: 1 });

export const extentOf = ({ factors, before, after }: Axis): number =>
  before + factors.reduce((product, { extent }) => product * extent, 1) + after;

export const hasGrid = ({ factors }: Axis): boolean => factors.some(({ kind }) => kind === "row" || kind === "column");

export const hasExtras = ({ before, after }: Axis): boolean => before + after > 0;

export const sameAxis = (a: Axis, b: Axis): boolean =>
  a.before === b.before &&
  a.after === b.after &&
  a.factors.length === b.factors.length &&
  a.factors.every((factor, index) => {
    const twin = b.factors[index];
    return (
      twin?.kind === factor.kind &&
      twin.extent === factor.extent &&
      (factor.kind === "other" || twin.stride === factor.stride)
    );
  });

/** Neighbouring factors that count on make one. */
function merged(factors: readonly Factor[]): Factor[] {
  const out: Factor[] = [];
  for (const factor of factors) {
    const last = out.at(-1);
    const continues =
      last?.kind === factor.kind && (factor.kind === "other" || last.stride === factor.stride * factor.extent);
    if (last && continues) out[out.length - 1] = { ...factor, extent: last.extent * factor.extent };
    else out.push(factor);
  }
  return out;
}

/** The axes after a reshape to `shape`; undefined where an axis with tokens of no place would have to be cut. */
export function reshaped(axes: Axes, shape: readonly number[]): Axes | undefined {
  const pieces: (Factor | Axis)[] = axes.flatMap((axis): readonly (Factor | Axis)[] =>
    hasExtras(axis) ? [axis] : axis.factors,
  );
  const out: Axis[] = [];
  for (const extent of shape) {
    const taken: Factor[] = [];
    let whole: Axis | undefined;
    let product = 1;
    while (product < extent) {
      const piece = pieces.shift();
      if (!piece) return undefined;
      if ("factors" in piece) {
        if (product > 1 || extentOf(piece) !== extent) return undefined;
        whole = piece;
        break;
      }
      const wanted = extent / product;
      if (piece.extent > wanted) {
        if (!Number.isInteger(wanted) || piece.extent % wanted !== 0) return undefined;
        const inner = piece.extent / wanted;
        taken.push({ ...piece, extent: wanted, stride: piece.stride * inner });
        pieces.unshift({ ...piece, extent: inner });
        product = extent;
      } else {
        taken.push(piece);
        product *= piece.extent;
      }
    }
    if (whole === undefined && product !== extent) return undefined;
    out.push(whole ?? axisOf(...taken));
  }
  return pieces.length === 0 ? out : undefined;
}

/**
 * The axes that are left when others were summed up. Patches that are merged take their inner rows and columns with them: those left
 * count on, closer by. Undefined where anything but the innermost is gone, for then places of the image are.
 */
export function without(gone: readonly Axis[], left: Axes): Axes | undefined {
  const scale = { row: 1, column: 1 };
  for (const kind of ["row", "column"] as const) {
    const taken = factorsOf(gone, kind);
    const kept = factorsOf(left, kind);
    if (kept.length === 0) continue;
    if (taken.some(({ stride }) => kept.some((factor) => factor.stride < stride))) return undefined;
    scale[kind] = taken.reduce((product, { extent }) => product * extent, 1);
  }
  return left.map((axis) => ({
    ...axis,
    factors: axis.factors.map((factor) =>
      factor.kind === "row" || factor.kind === "column"
        ? { ...factor, stride: factor.stride / scale[factor.kind] }
        : factor,
    ),
  }));
}

const factorsOf = (axes: Axes, kind: Factor["kind"]): Factor[] =>
  axes.flatMap(({ factors }) => factors.filter((factor) => factor.kind === kind)).sort((a, b) => a.stride - b.stride);

/** Where each cell of the image's grid lies in a tensor. */
export interface GridLayout {
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  /** For an image of the batch: the element of [channel, row, column], in that order; undefined where it is that order. */
  readonly order: Uint32Array | undefined;
}

/**
 * The layout of a tensor that lies on the image's grid: every row and every column once, channels on axes of their own, the batch
 * outermost. Undefined for any other (attention weights have the grid twice, pooled features not at all).
 */
export function gridLayout(axes: Axes): GridLayout | undefined {
  const [first] = axes;
  if (
    axes.some(
      ({ factors }) =>
        factors.some(({ kind }) => kind === "other") && factors.some(({ kind }) => kind === "row" || kind === "column"),
    )
  )
    return undefined;
  if (axes.some((axis) => hasExtras(axis) && !hasGrid(axis))) return undefined;
  const batches = axes.flatMap(({ factors }) => factors.filter(({ kind }) => kind === "batch"));
  if (batches.length > 1 || (batches.length === 1 && first?.factors[0]?.kind !== "batch")) return undefined;
  const rows = wholeExtent(axes, "row");
  const columns = wholeExtent(axes, "column");
  if (rows === undefined || columns === undefined || rows * columns <= 1) return undefined;
  const channels = axes.reduce(
    (product, { factors }) =>
      factors.filter(({ kind }) => kind === "other").reduce((p, { extent }) => p * extent, product),
    1,
  );
  return { channels, rows, columns, order: orderOf(axes, channels, rows, columns) };
}

/** How far a kind reaches when its factors make up 0 … extent − 1 exactly once. */
function wholeExtent(axes: Axes, kind: "row" | "column"): number | undefined {
  let extent = 1;
  for (const factor of factorsOf(axes, kind)) {
    if (factor.stride !== extent) return undefined;
    extent *= factor.extent;
  }
  return extent;
}

function orderOf(axes: Axes, channels: number, rows: number, columns: number): Uint32Array | undefined {
  const order = new Uint32Array(channels * rows * columns);
  let isPlain = true;
  const visit = (axis: number, element: number, channel: number, row: number, column: number): void => {
    const here = axes[axis];
    if (!here) {
      const cell = (channel * rows + row) * columns + column;
      order[cell] = element;
      isPlain &&= cell === element;
      return;
    }
    const factors = here.factors.filter(({ kind }) => kind !== "batch");
    const extent = factors.reduce((product, factor) => product * factor.extent, 1);
    const length = here.before + extent + here.after;
    for (let position = 0; position < extent; position++) {
      let rest = position;
      let [c, r, k] = [channel, row, column];
      let inner = extent;
      for (const { kind, extent: size, stride } of factors) {
        inner /= size;
        const digit = Math.floor(rest / inner);
        rest %= inner;
        if (kind === "other") c = c * size + digit;
        else if (kind === "row") r += digit * stride;
        else k += digit * stride;
      }
      visit(axis + 1, element * length + here.before + position, c, r, k);
    }
  };
  visit(0, 0, 0, 0, 0);
  return isPlain ? undefined : order;
}
