import { ModelError } from "../../contract/errors";
import { GraphBuilder } from "../../onnx/graph-builder";
import type { Graph, Model, Node, ValueInfo } from "../../onnx/model";
import { prune } from "../../onnx/prune";
import { specialize } from "../../onnx/specialize";
import { differentiateNamed } from "../differentiate";
import { segmentRules } from "./segment-rules";

/**
 * A model that takes a chain of points and returns mean gradients along its segments, and what its inputs and outputs are called.
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { differentiateSegments, readModel, type SegmentModel } from "cytolens";
 *
 * const model = readModel(await readFile("model.onnx"));
 * const shape = [1, 3, 64, 64];
 * const along: SegmentModel = differentiateSegments(model, { input: "input", shape, output: "logits", segments: 4 });
 * console.log(along.model.graph.inputs[0]?.shape?.[0]); // 5
 * ```
 */
export interface SegmentModel {
  readonly model: Model;
  /** Input [segments, …]: the cotangent of the output, one a segment. */
  readonly cotangent: string;
  /** Output [segments, …], shaped as the input otherwise: the mean gradient along each segment. */
  readonly gradient: string;
}

/**
 * The chain and what is differentiated along it.
 *
 * @example
 * ```ts
 * import type { SegmentRequest } from "cytolens";
 *
 * const request: SegmentRequest = { input: "input", shape: [1, 3, 224, 224], output: "logits", segments: 16 };
 * console.log(request.segments); // 16
 * ```
 */
export interface SegmentRequest {
  /** The input that goes along the chain, and its shape for a batch of one, for example [1, 3, 224, 224]. */
  readonly input: string;
  readonly shape: readonly number[];
  /** The output whose gradient is asked for. */
  readonly output: string;
  /** How many segments the chain has, at least 1; it has one point more. */
  readonly segments: number;
}

const shadowPrefix = "segment/";

/**
 * The mean gradient of a network along each straight segment of a chain of points, with one forward pass a point and
 * one backward pass a segment. It rests on what is known at both ends of a segment: a ReLU whose input goes from a to
 * c has mean slope (relu(c) − relu(a)) / (c − a), exactly, if its input moves along a line; products take the mean of
 * each factor, smooth functions their slope in the middle. What is left out are correlations within a segment, of
 * second order in its length, where a quadrature of gradients at points errs to first order wherever a unit switches.
 * In a network of ReLUs and linear operators the attributions of the segments add up to the change of the output
 * whatever their number.
 *
 * The model keeps its input, now [segments + 1, …] points, and its output at those points; it takes a cotangent
 * [segments, …] and returns a gradient [segments, …], in units of the output over units of the input. The slope of a
 * ReLU is the multiplier of DeepLIFT's Rescale rule (Shrikumar et al., ICML 2017, section 3.5), taken segment by
 * segment on the path of integrated gradients (Sundararajan et al., ICML 2017, section 3).
 *
 * @returns the model along the chain, and the names of its cotangent and its gradient
 * @throws ModelError autodiff.unsupported-case where the first axis of a value cannot be that of the chain,
 * model.invalid-extents where the input cannot have that shape, model.unknown-output, and whatever `differentiate`
 * throws
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { differentiateSegments, readModel } from "cytolens";
 *
 * const model = readModel(await readFile("model.onnx"));
 * const shape = [1, 3, 64, 64];
 * const { cotangent, gradient } = differentiateSegments(model, { input: "input", shape, output: "logits", segments: 4 });
 * // Feeds: "input" [5, 3, …] and the cotangent [4, classes]; results: "logits" [5, classes] and the gradient [4, 3, …].
 * console.log(cotangent, gradient); // d_segment/logits d_segment/input
 * ```
 */
export function differentiateSegments(model: Model, { input, shape, output, segments }: SegmentRequest): SegmentModel {
  const source = prune(model, [output]);
  const [atPoints, atSegments] = [segments + 1, segments].map((batch) =>
    specialize(source, { [input]: [batch, ...shape.slice(1)] }),
  ) as [Model, Model];
  refuseOtherFirstAxes(atPoints.graph, atSegments.graph, segments);
  const graph = sideBySide(atPoints.graph, atSegments.graph, input);
  const shadow = shadowPrefix + output;
  const shadowInput = shadowPrefix + input;
  graph.outputs = atSegments.graph.outputs.map((info) => ({ ...info, name: shadow }));
  const {
    model: differentiated,
    cotangents,
    gradients,
  } = differentiateNamed(
    { ...atPoints, graph },
    {
      outputs: [shadow],
      wrt: [shadowInput],
      rules: segmentRules({ segments, shadowPrefix, points: atPoints.graph }),
      strict: true,
    },
  );
  const [cotangent, gradient] = [cotangents.get(shadow) as string, gradients.get(shadowInput) as string];
  differentiated.graph.outputs = [
    ...atPoints.graph.outputs,
    ...differentiated.graph.outputs.filter(({ name }) => name === gradient),
  ];
  differentiated.graph.inputs = differentiated.graph.inputs.filter(({ name }) => name !== shadowInput);
  return { model: prune(differentiated), cotangent, gradient };
}

/**
 * One graph with the network at the points as it is, and beside it a shadow at the segments that gives the reverse
 * sweep its course and its shapes. Nothing reads the shadow's values, so pruning takes its nodes away again.
 */
function sideBySide(points: Graph, segments: Graph, input: string): Graph {
  const constant = (name: string): boolean => name === "" || segments.initializers.has(name);
  const inShadow = (name: string): string => (constant(name) ? name : shadowPrefix + name);
  const shadowInfo = (info: ValueInfo): ValueInfo => ({ ...info, name: inShadow(info.name) });
  const shadowNodes = segments.nodes.map((node): Node => ({
    ...node,
    name: shadowPrefix + node.name,
    inputs: node.inputs.map(inShadow),
    outputs: node.outputs.map(inShadow),
    attributes: { ...node.attributes },
  }));
  const copies = points.nodes.map((node): Node => ({
    ...node,
    inputs: [...node.inputs],
    outputs: [...node.outputs],
    attributes: { ...node.attributes },
  }));
  const result: Graph = {
    name: points.name,
    nodes: [...copies, ...shadowNodes],
    inputs: [...points.inputs, ...segments.inputs.filter(({ name }) => name === input).map(shadowInfo)],
    outputs: [],
    initializers: new Map(points.initializers),
    valueInfo: new Map([
      ...points.valueInfo,
      ...Array.from(segments.valueInfo.values(), shadowInfo).map((info) => [info.name, info] as const),
    ]),
  };
  // Constants that depend on the batch (reshape targets) differ between the two.
  for (const [name, tensor] of segments.initializers) {
    if (points.initializers.get(name) === tensor) continue;
    const own = new GraphBuilder(result).freshName(shadowPrefix + name);
    result.initializers.set(own, tensor);
    for (const node of shadowNodes) node.inputs = node.inputs.map((read) => (read === name ? own : read));
  }
  return result;
}

/** The ends of a segment are rows apart on the first axis: no other axis, and no other order, may depend on the batch. */
function refuseOtherFirstAxes(points: Graph, segments: Graph, count: number): void {
  for (const [name, { shape }] of segments.valueInfo) {
    const longer = points.valueInfo.get(name)?.shape;
    if (!shape || !longer || shape.every((extent, axis) => extent === longer[axis])) continue;
    const [rows, ...others] = shape;
    const [longerRows, ...longerOthers] = longer;
    const along =
      typeof rows === "number" && typeof longerRows === "number" && rows * (count + 1) === longerRows * count;
    if (along && others.every((extent, axis) => extent === longerOthers[axis])) continue;
    throw new ModelError(
      "autodiff.unsupported-case",
      `Expected a model whose values keep the batch on their first axis but "${name}" has shape [${shape.join(", ")}] for ${count} images and [${longer.join(", ")}] for ${count + 1}`,
    );
  }
}
