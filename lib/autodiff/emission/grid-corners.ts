import { intAttribute, stringAttribute } from "../../onnx/attributes";
import { dataTypeCode } from "../../onnx/data-types";
import type { RuleContext } from "../gradient-rule";
import { asVector, extentsOf, product, reshape, times, type Extent } from "./extents";
import { cubicTaps, type Tap } from "./cubic-taps";

/** One of the elements around every sample. All values are [batch, samples]. */
export interface Corner {
  /** Position in the flattened spatial axes, int64. */
  readonly index: string;
  readonly weight: string;
  /** ∂weight/∂coordinate along each axis. */
  readonly derivatives: readonly string[];
}

interface AxisTap {
  /** Position along the axis, a float within the image. */
  readonly position: string;
  readonly weight: string;
  readonly derivative: string;
}

/** The corners of every sample of a GridSample node, and ∂coordinate/∂grid along each axis ([batch, samples] or scalar). */
export function cornersOf(context: RuleContext): { corners: Corner[]; slopes: string[] } {
  const { graph } = context;
  const grid = context.input(1);
  const [, , ...spatial] = extentsOf(context, context.input(0));
  const [batch = 1, ...inner] = extentsOf(context, grid);
  const flat = reshape(context, grid, [batch, product(context, inner.slice(0, -1)), spatial.length]);
  const perAxis = spatial.map((extent, axis) => {
    const component = graph.add("Gather", [flat, graph.int64(spatial.length - 1 - axis)], { axis: 2 });
    return tapsAlong(context, component, extent);
  });
  const corners = perAxis.reduce<{ taps: AxisTap[] }[]>(
    (found, { taps }) => found.flatMap((corner) => taps.map((tap) => ({ taps: [...corner.taps, tap] }))),
    [{ taps: [] }],
  );
  return {
    corners: corners.map(({ taps }) => cornerOf(context, taps, spatial)),
    slopes: perAxis.map(({ slope }) => slope),
  };
}

function cornerOf(context: RuleContext, taps: readonly AxisTap[], spatial: readonly Extent[]): Corner {
  const { graph } = context;
  const whole = taps.map(({ position }, axis) => {
    const index = graph.add("Cast", [position], { to: dataTypeCode("int64") });
    const stride = spatial.slice(axis + 1).reduce<Extent>((a, b) => times(context, a, b), 1);
    return stride === 1 ? index : graph.add("Mul", [index, asVector(context, stride)]);
  });
  const productOf = (factors: readonly string[]): string => factors.reduce((a, b) => graph.add("Mul", [a, b]));
  return {
    index: whole.reduce((a, b) => graph.add("Add", [a, b])),
    weight: productOf(taps.map(({ weight }) => weight)),
    derivatives: taps.map((_, along) =>
      productOf(taps.map(({ weight, derivative }, axis) => (axis === along ? derivative : weight))),
    ),
  };
}

/** What an axis contributes: its coordinate from the grid's component, the elements on both sides, their weights. */
function tapsAlong(context: RuleContext, component: string, extent: Extent): { taps: AxisTap[]; slope: string } {
  const { graph, node } = context;
  const grid = context.input(1);
  const number = (value: number): string => context.scalar(value, grid);
  const length =
    typeof extent === "number"
      ? number(extent)
      : graph.add("Cast", [extent], { to: dataTypeCode(context.dataType(grid)) });
  const isAligned = intAttribute(node, "align_corners", 0) === 1;
  const mode = stringAttribute(node, "mode", "linear");
  const padding = stringAttribute(node, "padding_mode", "zeros");
  // [−1, 1] spans the centres of the outermost elements when corners are aligned, else their outer edges
  const span = isAligned ? graph.add("Sub", [length, number(1)]) : length;
  const scale = graph.add("Mul", [span, number(0.5)]);
  const shifted = graph.add("Mul", [graph.add("Add", [component, number(1)]), scale]);
  const exact = isAligned ? shifted : graph.add("Sub", [shifted, number(0.5)]);
  const last = graph.add("Sub", [length, number(1)]);
  const low = number(isAligned ? 0 : -0.5);
  const inside = (value: string): string => graph.add("Min", [graph.add("Max", [value, number(0)]), last]);
  const reflected = (value: string): { value: string; sign: string } => reflect(context, value, low, span);
  const settle = (position: string): string =>
    padding === "reflection" ? inside(reflected(position).value) : inside(position);
  if (mode === "nearest") {
    const position = graph.add("Round", [exact]);
    return {
      taps: [{ position: settle(position), weight: validity(context, position, last, padding), derivative: number(0) }],
      slope: scale,
    };
  }
  let [coordinate, slope] = [exact, scale];
  if (padding === "reflection") {
    const { value, sign } = reflected(exact);
    [coordinate, slope] = [value, graph.add("Mul", [scale, sign])];
  }
  const floor = graph.add("Floor", [coordinate]);
  const fraction = graph.add("Sub", [coordinate, floor]);
  const taps =
    mode === "cubic" || mode === "bicubic" ? cubicTaps(context, fraction, grid) : linearTaps(context, fraction, grid);
  return {
    slope,
    taps: taps.map(({ offset, weight, derivative }) => {
      const position = offset === 0 ? floor : graph.add("Add", [floor, number(offset)]);
      if (padding !== "zeros") return { position: settle(position), weight, derivative };
      const valid = validity(context, position, last, padding);
      return {
        position: settle(position),
        weight: graph.add("Mul", [weight, valid]),
        derivative: graph.add("Mul", [derivative, valid]),
      };
    }),
  };
}

function linearTaps(context: RuleContext, fraction: string, like: string): Tap[] {
  const { graph } = context;
  const one = context.scalar(1, like);
  return [
    { offset: 0, weight: graph.add("Sub", [one, fraction]), derivative: context.scalar(-1, like) },
    { offset: 1, weight: fraction, derivative: one },
  ];
}

/** 1 where a position lies in the image, 0 elsewhere; 1 everywhere unless the padding is zeros. */
function validity(context: RuleContext, position: string, last: string, padding: string): string {
  const { graph } = context;
  const like = context.input(1);
  const zero = context.scalar(0, like);
  if (padding !== "zeros") return graph.add("Add", [graph.add("Mul", [position, zero]), context.scalar(1, like)]);
  const within = graph.add("And", [
    graph.add("GreaterOrEqual", [position, zero]),
    graph.add("LessOrEqual", [position, last]),
  ]);
  return graph.add("Cast", [within], { to: dataTypeCode(context.dataType(like)) });
}

/** Mirrors a coordinate at `low` and `low + span` as often as it takes; `sign` is the derivative, 1 or −1. */
function reflect(context: RuleContext, value: string, low: string, span: string): { value: string; sign: string } {
  const { graph } = context;
  const like = context.input(1);
  const [zero, one, two] = [0, 1, 2].map((number) => context.scalar(number, like)) as [string, string, string];
  const offset = graph.add("Sub", [value, low]);
  const distance = graph.add("Abs", [offset]);
  const safe = graph.add("Max", [span, context.scalar(1e-6, like)]);
  const turns = graph.add("Floor", [graph.add("Div", [distance, safe])]);
  const rest = graph.add("Sub", [distance, graph.add("Mul", [turns, safe])]);
  const isOdd = graph.add("Greater", [graph.add("Mod", [turns, two], { fmod: 1 }), context.scalar(0.5, like)]);
  const mirrored = graph.add("Where", [isOdd, graph.add("Sub", [safe, rest]), rest]);
  const direction = graph.add("Where", [isOdd, context.scalar(-1, like), one]);
  const side = graph.add("Where", [graph.add("Less", [offset, zero]), context.scalar(-1, like), one]);
  return { value: graph.add("Add", [mirrored, low]), sign: graph.add("Mul", [direction, side]) };
}
