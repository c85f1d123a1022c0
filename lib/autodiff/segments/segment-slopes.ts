import { float, intAttribute } from "../../onnx/attributes";
import type { Node } from "../../onnx/model";
import type { GradientRule, RuleContext } from "../gradient-rule";
import { affineOf, type Affine } from "../passes/gradient/fold-batch-normalization";
import { combineEnds, flatPoints, shaped, type PointChain } from "./segment-ends";

/** Stands for zero where a quotient needs a sign; a normal float32 even after a few products. */
const tiny = 1e-30;
/** A value that moves by less counts as resting. Its reciprocal times any threshold is still finite. */
const leastMove = 1e-20;
const largestThreshold = 1e15;

/**
 * The mean slope of a ReLU whose input goes from a to c along a line, (relu(c) − relu(a)) / (c − a), in two forms that need no
 * case distinction. Both are ½ + ½ z, cut to 0 … 1, with z = (a + c) / |c − a|.
 */
export function meanSlopeOfRelu(chain: PointChain): GradientRule {
  const normalisations = new SharedNormalisations(chain);
  return (context, [dy]) => {
    if (dy === undefined) return [];
    const x = context.input(0);
    const normalisation = normalisations.before(x);
    const lead = normalisation ? normalisations.lead(context, x, normalisation) : leadOf(context, x, chain);
    return [
      context.graph.add("Mul", [dy, context.graph.add("HardSigmoid", [lead], { alpha: float(0.5), beta: float(0.5) })]),
    ];
  };
}

/** z as (a + c) / (|a| + |c|), the same where the signs differ and ±1 where not. A unit at rest in 0 counts as inactive. */
function leadOf(context: RuleContext, x: string, chain: PointChain): string {
  const { graph } = context;
  const points = graph.add("Sub", [flatPoints(context, x, chain), graph.float32(tiny)]);
  const total = combineEnds(graph, chain, 1, 1, points);
  return shaped(context, graph.add("Div", [total, combineEnds(graph, chain, 1, 1, graph.add("Abs", [points]))]), x);
}

/** (v(a) + v(c)) / |v(c) − v(a)| and 1 / |v(c) − v(a)|. */
type Quotients = readonly [string, string];

interface Normalisation {
  readonly value: string;
  readonly affine: Affine;
}

/**
 * A dense block normalises the same value once for every layer that reads it. With x = p v + q the lead is
 * z = ±(v(a) + v(c)) / |v(c) − v(a)| + (2 q / |p|) / |v(c) − v(a)|: a channelwise combination of two quotients that all layers share.
 */
class SharedNormalisations {
  private readonly producers: ReadonlyMap<string, Node>;
  /** How many normalisations see a value, by itself or as a piece of a Concat. */
  private readonly timesNormalised = new Map<string, number>();
  private readonly quotients = new Map<string, Quotients>();
  private readonly joined = new Map<string, Quotients>();

  constructor(private readonly chain: PointChain) {
    const { nodes } = chain.points;
    this.producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
    for (const {
      operator,
      inputs: [value = ""],
    } of nodes) {
      if (operator !== "BatchNormalization") continue;
      for (const piece of this.piecesOf(value))
        this.timesNormalised.set(piece, (this.timesNormalised.get(piece) ?? 0) + 1);
    }
  }

  /** What a value is put together from along the channels, down to values that are computed whole. */
  private piecesOf(value: string): readonly string[] {
    const node = this.producers.get(value);
    return node?.operator === "Concat" && intAttribute(node, "axis", 0) === 1
      ? node.inputs.flatMap((input) => this.piecesOf(input))
      : [value];
  }

  /** The normalisation that makes a ReLU's input, where its own input is normalised elsewhere, too. */
  before(shadow: string): Normalisation | undefined {
    const { points, shadowPrefix } = this.chain;
    const node = this.producers.get(shadow.slice(shadowPrefix.length));
    if (node?.operator !== "BatchNormalization" || node.domain !== "") return undefined;
    const [value = ""] = node.inputs;
    if (this.piecesOf(value).some((piece) => (this.timesNormalised.get(piece) ?? 0) < 2)) return undefined;
    const affine = affineOf({ constant: (name) => floats(points.initializers.get(name ?? "")) }, node);
    return affine && { value, affine };
  }

  lead(context: RuleContext, shadow: string, { value, affine: { scale, shift } }: Normalisation): string {
    const { graph } = context;
    const quotients = this.piecesOf(value).map((piece) => this.quotientsOf(context, piece));
    const joined = (which: 0 | 1): string =>
      quotients.length === 1
        ? (quotients[0] as Quotients)[which]
        : graph.add(
            "Concat",
            quotients.map((pair) => pair[which]),
            { axis: 1 },
          );
    const [position, reciprocal] = this.joined.get(value) ?? [joined(0), joined(1)];
    this.joined.set(value, [position, reciprocal]);
    const column = [scale.length, ...(context.staticShape(shadow) ?? []).slice(2).map(() => 1)];
    const signs = Float32Array.from(scale, Math.sign);
    const thresholds = Float32Array.from(scale, (factor, channel) => threshold(factor, shift[channel] ?? 0));
    return graph.add("Add", [
      graph.add("Mul", [position, graph.float32(signs, column)]),
      graph.add("Mul", [reciprocal, graph.float32(thresholds, column)]),
    ]);
  }

  private quotientsOf(context: RuleContext, value: string): Quotients {
    const known = this.quotients.get(value);
    if (known) return known;
    const { graph } = context;
    const shadow = this.chain.shadowPrefix + value;
    const points = flatPoints(context, shadow, this.chain);
    const move = graph.add("Max", [
      graph.add("Abs", [combineEnds(graph, this.chain, -1, 1, points)]),
      graph.float32(leastMove),
    ]);
    const reciprocal = graph.add("Reciprocal", [move]);
    const position = graph.add("Mul", [combineEnds(graph, this.chain, 1, 1, points), reciprocal]);
    const made = [shaped(context, position, shadow), shaped(context, reciprocal, shadow)] as const;
    this.quotients.set(value, made);
    return made;
  }
}

/** 2 q / |p|, less what makes a unit that rests in 0 inactive. */
function threshold(scale: number, shift: number): number {
  const exact = scale === 0 ? Math.sign(shift) * largestThreshold : (2 * shift) / Math.abs(scale);
  return Math.min(largestThreshold, Math.max(-largestThreshold, exact)) - 2 * leastMove;
}

function floats<Tensor extends { readonly dataType: string }>(tensor: Tensor | undefined): Tensor | undefined {
  return tensor?.dataType === "float32" ? tensor : undefined;
}
