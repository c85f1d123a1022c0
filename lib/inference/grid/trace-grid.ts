import { intAttribute, intsAttribute } from "../../onnx/attributes";
import type { Node, Tensor } from "../../onnx/model";
import { axisOf, extentOf, hasExtras, hasGrid, other, reshaped, sameAxis, without, type Axes, type Axis } from "./axes";

/** What is known of the values that a node reads and writes. */
export interface TracedGraph {
  /** Shapes for a batch of images whose other extents are known; undefined where one is not. */
  shape(name: string): readonly number[] | undefined;
  constant(name: string): Tensor | undefined;
  /** Whether the value is the same whatever the image. */
  isFixed(name: string): boolean;
}

/** What came of a value: its axes, and whether it lies beside the main stream: a projection (to queries, keys, values) or what was pooled. */
export interface Traced {
  readonly axes: Axes;
  readonly projected: boolean;
}

/**
 * The axes of a node's outputs from those of its inputs (see `Axis`); undefined for what cannot be followed.
 * A sum of two values that depend on the image takes its place from either: what a block of layers loses, its skip connection keeps.
 */
export function traceNode(
  node: Node,
  traced: (name: string) => Traced | undefined,
  graph: TracedGraph,
): readonly (Traced | undefined)[] {
  const [input = ""] = node.inputs;
  const x = traced(input);
  const shapes = node.outputs.map((name) => (name === "" ? undefined : graph.shape(name)));
  const [shape] = shapes;
  if (!shape) return [];
  const keep = (axes: Axes | undefined): readonly (Traced | undefined)[] => [
    axes && axes.length === shape.length && axes.every((axis, index) => extentOf(axis) === shape[index])
      ? { axes, projected: x?.projected ?? false }
      : undefined,
  ];
  switch (node.operator) {
    case "Conv":
    case "ConvTranspose":
    case "MaxPool":
    case "AveragePool":
    case "LpPool":
    case "GlobalAveragePool":
    case "GlobalMaxPool":
    case "GlobalLpPool":
    case "Resize":
    case "Upsample":
    case "DepthToSpace":
    case "SpaceToDepth":
    case "MaxUnpool":
      return [x && x.axes.length === 4 ? slid(x, shape, node.operator) : undefined];
    case "Pad":
      return keep(x && padded(x.axes, shape));
    case "Transpose": {
      const order = intsAttribute(node, "perm") ?? shape.map((_, index) => shape.length - 1 - index);
      return keep(x && order.map((from) => x.axes[from]).filter((axis) => axis !== undefined));
    }
    case "Reshape":
    case "Flatten":
    case "Squeeze":
    case "Unsqueeze":
      return keep(x && reshaped(x.axes, shape));
    case "Concat":
      return [concatenated(node, traced, graph, shape)];
    case "Slice":
      return keep(x && sliced(node, x.axes, graph, shape));
    case "Gather":
      return keep(x && gathered(node, x.axes, graph));
    case "Split":
      return x ? splitOf(node, x, shapes) : [];
    case "MatMul":
    case "Gemm":
      return [product(node, traced, graph, shape)];
    case "ReduceMean":
    case "ReduceSum":
    case "ReduceMax":
    case "ReduceMin":
    case "ReduceL2": {
      const [one] = keep(x && reduced(node, x.axes, graph));
      return [one && { ...one, projected: one.projected || factorCount(one.axes) < factorCount(x?.axes ?? []) }];
    }
    case "Expand":
    case "Tile":
      return keep(x?.axes);
    default:
      return [elementwise(node, traced, graph, shape)];
  }
}

/** A kernel slides over rows and columns that lie on axes 2 and 3, alone and in order; what it leaves are the rows and columns of its output. */
function slid({ axes, projected }: Traced, shape: readonly number[], operator: string): Traced | undefined {
  const [batch, , rows, columns] = axes;
  if (!batch || !rows || !columns || hasExtras(rows) || hasExtras(columns)) return undefined;
  const inner = [rows, columns].map((axis) => axis.factors.at(-1));
  if (inner.some((factor) => factor !== undefined && factor.stride !== 1)) return undefined;
  const [, channels = 1, height = 1, width = 1] = shape;
  const down = slidAlong(rows, "row", height);
  const across = slidAlong(columns, "column", width);
  if (!down || !across) return undefined;
  // Tiles folded into the batch move further apart or closer as the maps within them grow or shrink.
  const scale = { row: height / (inner[0]?.extent ?? 1), column: width / (inner[1]?.extent ?? 1) };
  const folded = axisOf(
    ...batch.factors.map((factor) =>
      factor.kind === "row" || factor.kind === "column"
        ? { ...factor, stride: factor.stride * scale[factor.kind] }
        : factor,
    ),
  );
  const isConvolution = operator === "Conv" || operator === "ConvTranspose";
  // What is pooled over a whole map (of a tile, say) has lost the places that a map is read for.
  const isPooled = operator.startsWith("Global");
  return { axes: [folded, other(channels), down, across], projected: isPooled || (!isConvolution && projected) };
}

function slidAlong(axis: Axis, kind: "row" | "column", extent: number): Axis | undefined {
  const [factor, ...more] = axis.factors;
  if (factor !== undefined && (factor.kind !== kind || more.length > 0)) return undefined;
  return axisOf({ kind, extent, stride: 1 });
}

function concatenated(
  node: Node,
  traced: (name: string) => Traced | undefined,
  graph: TracedGraph,
  shape: readonly number[],
): Traced | undefined {
  const axis = (intAttribute(node, "axis", 0) + shape.length) % shape.length;
  const parts = node.inputs.map((name) => ({
    traced: traced(name),
    extent: graph.shape(name)?.[axis] ?? 0,
    isFixed: graph.isFixed(name),
  }));
  const placed = parts.flatMap((part, index) => {
    const own = part.traced?.axes[axis];
    return part.traced && own && part.traced.axes.some(hasGrid) ? [{ index, own, ...part.traced }] : [];
  });
  const [main, ...rest] = placed;
  if (!main) return undefined;
  const alongChannels = placed.every(({ own }) => !hasGrid(own) && own.factors.every(({ kind }) => kind === "other"));
  if (alongChannels) {
    if (parts.some((part) => part.traced === undefined && !part.isFixed)) return undefined;
    return {
      axes: main.axes.map((one, index) => (index === axis ? other(shape[axis] ?? 1) : one)),
      projected: placed.every(({ projected }) => projected),
    };
  }
  // Tokens of no place beside the one part that has the grid.
  if (rest.length > 0 || !hasGrid(main.own)) return undefined;
  const sum = (from: number, to?: number): number =>
    parts.slice(from, to).reduce((total, { extent }) => total + extent, 0);
  const joined: Axis = {
    ...main.own,
    before: main.own.before + sum(0, main.index),
    after: main.own.after + sum(main.index + 1),
  };
  return { axes: main.axes.map((one, index) => (index === axis ? joined : one)), projected: main.projected };
}

const numbersOf = (tensor: Tensor | undefined): number[] | undefined =>
  tensor && Array.from(tensor.data as ArrayLike<number | bigint>, Number);

function sliced(node: Node, axes: Axes, graph: TracedGraph, shape: readonly number[]): Axes | undefined {
  const [starts, ends, named, steps] = [1, 2, 3, 4].map((index) => numbersOf(graph.constant(node.inputs[index] ?? "")));
  if (!starts || !ends || (node.inputs[3] && !named) || (node.inputs[4] && !steps)) return undefined;
  const places = new Map(
    (named ?? starts.map((_, index) => index)).map((axis, index) => [(axis + axes.length) % axes.length, index]),
  );
  const out = axes.map((axis, index) => {
    const place = places.get(index);
    if (place === undefined) return axis;
    const length = extentOf(axis);
    const step = steps?.[place] ?? 1;
    const bounded = (value: number): number => Math.min(length, Math.max(0, value < 0 ? value + length : value));
    const [start, end] = [bounded(starts[place] ?? 0), bounded(ends[place] ?? length)];
    if (step === 1) return start === 0 && end === length ? axis : part(axis, start, end);
    return step > 1 && start < step && end === length ? subsampled(axes, axis, shape[index] ?? 1) : undefined;
  });
  return out.every((axis) => axis !== undefined) ? out : undefined;
}

/** Every other row or column, or more of them, as a strided or padded convolution leaves them. */
function subsampled(axes: Axes, axis: Axis, extent: number): Axis | undefined {
  const [factor, ...more] = axis.factors;
  if (!factor || more.length > 0 || hasExtras(axis) || !hasGrid(axis)) return undefined;
  const isWhole = axes.every((one) => one === axis || one.factors.every(({ kind }) => kind !== factor.kind));
  return isWhole ? axisOf({ ...factor, extent, stride: 1 }) : undefined;
}

/** Positions start … end − 1 of an axis: the whole grid with some of its extras, extras alone, or a part of the channels. */
function part(axis: Axis, start: number, end: number): Axis | undefined {
  const { before, after } = axis;
  const grid = extentOf(axis) - before - after;
  if (!hasGrid(axis)) return axis.factors.every(({ kind }) => kind === "other") ? other(end - start) : undefined;
  if (start <= before && end >= before + grid) return { ...axis, before: before - start, after: end - before - grid };
  if (end <= before || start >= before + grid) return other(end - start);
  return undefined;
}

function gathered(node: Node, axes: Axes, graph: TracedGraph): Axes | undefined {
  const axis = (intAttribute(node, "axis", 0) + axes.length) % axes.length;
  const own = axes[axis];
  const indices = graph.constant(node.inputs[1] ?? "");
  const chosen = numbersOf(indices);
  if (!own || !indices || !chosen) return undefined;
  const kept = indices.dims.map((extent) => other(extent));
  const replace = (...by: readonly Axis[]): Axes => [...axes.slice(0, axis), ...by, ...axes.slice(axis + 1)];
  if (!hasGrid(own)) return own.factors.every(({ kind }) => kind === "other") ? replace(...kept) : undefined;
  const length = extentOf(own);
  const first = Math.min(...chosen.map((index) => (index < 0 ? index + length : index)));
  const last = Math.max(...chosen.map((index) => (index < 0 ? index + length : index)));
  return last < own.before || first >= length - own.after ? replace(...kept) : undefined;
}

function splitOf(
  node: Node,
  { axes, projected }: Traced,
  shapes: readonly (readonly number[] | undefined)[],
): readonly (Traced | undefined)[] {
  const axis = (intAttribute(node, "axis", 0) + axes.length) % axes.length;
  let start = 0;
  return shapes.map((shape) => {
    const extent = shape?.[axis] ?? 0;
    const own = axes[axis] && part(axes[axis], start, start + extent);
    start += extent;
    return own && { axes: axes.map((one, index) => (index === axis ? own : one)), projected };
  });
}

/**
 * Linear layers keep the place of their rows and replace the last axis. A product of two values that depend on the image takes its rows from
 * the first and its columns from the second: of attention weights both are places, so they lie on no grid.
 */
function product(
  node: Node,
  traced: (name: string) => Traced | undefined,
  graph: TracedGraph,
  shape: readonly number[],
): Traced | undefined {
  const [first = "", second = ""] = node.inputs;
  if (graph.isFixed(second)) {
    const x = traced(first);
    const last = x?.axes.at(-1);
    if (!x || !last) return undefined;
    const left = last && !hasExtras(last) ? without([last], x.axes.slice(0, -1)) : undefined;
    if (!left || intAttribute(node, "transA", 0) === 1) return undefined;
    // Merging patches is a step of the main stream, as a strided convolution is.
    return { axes: [...left, other(shape.at(-1) ?? 1)], projected: !hasGrid(last) };
  }
  const [a, b] = [traced(first)?.axes, traced(second)?.axes];
  const rows = a?.at(-2);
  const columns = b?.at(-1) ?? other(shape.at(-1) ?? 1);
  if (node.operator === "Gemm" || !a || !rows || a.length !== shape.length || extentOf(columns) !== shape.at(-1))
    return undefined;
  const stacked = a
    .slice(0, -2)
    .map((axis, index) => (extentOf(axis) === shape[index] ? axis : b?.length === a.length ? b[index] : undefined));
  if (!stacked.every((axis) => axis !== undefined)) return undefined;
  return { axes: [...stacked, rows, columns], projected: true };
}

/** Axes that grew or shrank count their new rows and columns, as behind a padded convolution. */
function padded(axes: Axes, shape: readonly number[]): Axes | undefined {
  const out = axes.map((axis, index) => {
    const extent = shape[index] ?? 1;
    return extent === extentOf(axis) ? axis : hasGrid(axis) ? subsampled(axes, axis, extent) : other(extent);
  });
  return out.every((axis) => axis !== undefined) ? out : undefined;
}

const factorCount = (axes: Axes): number =>
  axes.reduce((sum, { factors }) => sum + factors.filter(({ kind }) => kind === "row" || kind === "column").length, 0);

/** Axes that were reduced lose their factors, or go. */
function reduced(node: Node, axes: Axes, graph: TracedGraph): Axes | undefined {
  const named = intsAttribute(node, "axes") ?? numbersOf(graph.constant(node.inputs[1] ?? ""));
  if (node.inputs[1] && !named) return undefined;
  const gone = new Set((named ?? axes.map((_, index) => index)).map((axis) => (axis + axes.length) % axes.length));
  const left = without(
    axes.filter((_, index) => gone.has(index)),
    axes.filter((_, index) => !gone.has(index)),
  );
  if (!left || intAttribute(node, "keepdims", 1) !== 1) return left;
  const rest = [...left];
  return axes.map((_, index) => (gone.has(index) ? other(1) : (rest.shift() ?? other(1))));
}

function elementwise(
  node: Node,
  traced: (name: string) => Traced | undefined,
  graph: TracedGraph,
  shape: readonly number[],
): Traced | undefined {
  const inputs = node.inputs.filter((name) => name !== "" && !graph.isFixed(name));
  const known = inputs.flatMap((name) => {
    const found = traced(name);
    return found && found.axes.length <= shape.length ? [found] : [];
  });
  const aligned = known.map(({ axes }) => [
    ...Array.from({ length: shape.length - axes.length }, () => other(1)),
    ...axes,
  ]);
  const axes: Axis[] = [];
  for (const [index, extent] of shape.entries()) {
    const candidates = aligned.flatMap((one) =>
      one[index] && extentOf(one[index]) === extent && extent > 1 ? [one[index]] : [],
    );
    const placed = candidates.find(hasGrid) ?? candidates[0];
    if (extent > 1 && !placed) return undefined;
    if (placed && candidates.some((axis) => hasGrid(axis) && !sameAxis(axis, placed))) return undefined;
    axes.push(placed ?? other(1));
  }
  const isSum = node.operator === "Add" || node.operator === "Sum";
  const joinsStreams = isSum && inputs.length > 1;
  return { axes, projected: !joinsStreams && known.length > 0 && known.every(({ projected }) => projected) };
}
