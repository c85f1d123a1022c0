import type { GraphBuilder } from "../../onnx/graph-builder";
import type { Node } from "../../onnx/model";
import { float32Tensor } from "../../onnx/tensor";
import type { GradientRule } from "../gradient-rule";
import { differentiableOperators, gradientRules } from "../registry";
import { contextOf } from "../rule-context";
import type { RuleOverrides } from "../rule-overrides";
import { combineEnds, flatPoints, shaped, type PointChain } from "./segment-ends";
import { meanSlopeOfRelu } from "./segment-slopes";

/** Keeps a quotient of zeros finite; far below float32's visible digits. */
const smallest = 1e-37;

/** Every operator's rule, read between the two ends of a segment. */
export function segmentRules(chain: PointChain): RuleOverrides {
  return {
    ...Object.fromEntries(
      differentiableOperators.map((operator) => [operator, inTheMiddle(gradientRules[operator], chain)]),
    ),
    Relu: meanSlopeOfRelu(chain),
    MaxPool: meanShareOfMaxPool(chain),
  };
}

/**
 * A window's maximum stands at i at one end and at j at the other. With u the lead of i over j at the first end and v that of j over
 * i at the second, i leads along u / (u + v) of the segment and takes that share of the gradient; j takes the rest.
 */
function meanShareOfMaxPool(chain: PointChain): GradientRule {
  return (context, [dy]) => {
    if (dy === undefined) return [];
    const { graph } = context;
    const { segments, shadowPrefix } = chain;
    const x = flatPoints(context, context.input(0), chain);
    const y = flatPoints(context, context.output(0), chain);
    const atPoint =
      graph.graph.nodes.find(({ outputs }) => outputs[0] === context.output(0).slice(shadowPrefix.length)) ??
      context.refuse("the node at the points is gone");
    const indices = (atPoint.outputs[1] ||= graph.freshName("MaxPool_indices"));
    const shape = context.staticShape(context.input(0)) ?? context.refuse("the shape of its input is not known");
    const size = shape.reduce((product, extent) => product * extent, 1) / segments;
    const starts = graph.int64(
      Array.from({ length: segments + 1 }, (_, point) => point * size),
      [segments + 1, 1],
    );
    const places = graph.add("Sub", [graph.add("Reshape", [indices, graph.int64([segments + 1, -1])]), starts]);
    const [placesAtStart, placesAtEnd] = atBothEnds(graph, places, segments);
    const [xAtStart, xAtEnd] = atBothEnds(graph, x, segments);
    const [yAtStart, yAtEnd] = atBothEnds(graph, y, segments);
    // u = y(a) − x_j(a), v = y(c) − x_i(c)
    const lead = graph.add("Sub", [yAtStart, graph.add("GatherElements", [xAtStart, placesAtEnd], { axis: 1 })]);
    const laterLead = graph.add("Sub", [yAtEnd, graph.add("GatherElements", [xAtEnd, placesAtStart], { axis: 1 })]);
    // Added below the line alone: a share of 0 stays 0, for products with denormal shares are very slow.
    const both = graph.add("Add", [graph.add("Add", [lead, laterLead]), graph.float32(smallest)]);
    const flatGradient = graph.add("Reshape", [dy, graph.int64([segments, -1])]);
    const first = graph.add("Mul", [flatGradient, graph.add("Div", [lead, both])]);
    const zeros = graph.add("ConstantOfShape", [graph.int64([segments, size])], { value: float32Tensor([0]) });
    const scatter = { axis: 1, reduction: "add" };
    const withFirst = graph.add("ScatterElements", [zeros, placesAtStart, first], scatter);
    return [
      shaped(
        context,
        graph.add("ScatterElements", [withFirst, placesAtEnd, graph.add("Sub", [flatGradient, first])], scatter),
        context.input(0),
      ),
    ];
  };
}

/** Rows 0 … n − 1 and rows 1 … n of a value at the points. */
function atBothEnds(graph: GraphBuilder, value: string, segments: number): [string, string] {
  const rows = (from: number): string =>
    graph.add("Slice", [value, graph.int64([from]), graph.int64([from + segments]), graph.int64([0])]);
  return [rows(0), rows(1)];
}

/** A rule applied to a node that sees, of each varying input, the mean of its two ends. */
function inTheMiddle(rule: GradientRule, chain: PointChain): GradientRule {
  return (context, outputGradients) => {
    const { graph, node } = context;
    const shadows = new Map<string, string>();
    const name = graph.freshName(`${node.name}_middle`);
    const inputs = node.inputs.map((shadow) => {
      if (!shadow.startsWith(chain.shadowPrefix) || context.constantValue(shadow)) return shadow;
      const mean = shaped(context, combineEnds(graph, chain, 0.5, 0.5, flatPoints(context, shadow, chain)), shadow);
      shadows.set(mean, shadow);
      return mean;
    });
    const outputs = node.outputs.map((shadow) => {
      if (shadow === "") return "";
      const own = graph.freshName(`${shadow}_middle`);
      shadows.set(own, shadow);
      return own;
    });
    const middle: Node = { ...node, name, inputs, outputs };
    graph.graph.nodes.push(middle);
    return rule(
      contextOf(context, middle, {
        needs: (index) => context.needs(index),
        info: (value) => context.info(shadows.get(value) ?? value),
        refuse: (reason) => context.refuse(reason),
      }),
      outputGradients,
    );
  };
}
