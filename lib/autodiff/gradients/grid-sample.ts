import { stringAttribute } from "../../onnx/attributes";
import { extentsOf, product, reshape, shapeVector } from "../emission/extents";
import { cornersOf, type Corner } from "../emission/grid-corners";
import { castTo, range } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";

/** GridSample in the plane and in space: each sample is a weighted sum of the elements around it. */
export const gridSampleGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const { graph } = context;
  const [x, grid] = [context.input(0), context.input(1)];
  const [batch = 1, channels = 1, ...spatial] = extentsOf(context, x);
  const samples = product(context, extentsOf(context, grid).slice(1, -1));
  const { corners, slopes } = cornersOf(context);
  const flat = reshape(context, dY, [batch, channels, samples]);
  const everyChannel = shapeVector(context, [batch, channels, samples]);
  const indices = corners.map(({ index }) =>
    graph.add("Expand", [graph.add("Unsqueeze", [index, graph.int64([1])]), everyChannel]),
  );
  return [
    context.needs(0) ? imageGradient(context, flat, corners, indices) : undefined,
    context.needs(1) && stringAttribute(context.node, "mode", "linear") !== "nearest"
      ? gridGradient(
          context,
          flat,
          reshape(context, x, [batch, channels, product(context, spatial)]),
          corners,
          slopes,
          indices,
        )
      : undefined,
  ];
};

/** dX[corner] = Σ of dY · weight over the samples around it */
function imageGradient(
  context: RuleContext,
  flat: string,
  corners: readonly Corner[],
  indices: readonly string[],
): string {
  const { graph } = context;
  const x = context.input(0);
  const whole = extentsOf(context, x);
  const shares = corners.map(({ weight }) =>
    graph.add("Mul", [
      flat,
      graph.add("Unsqueeze", [
        castTo(context, weight, context.dataType(context.input(1)), context.dataType(x)),
        graph.int64([1]),
      ]),
    ]),
  );
  const joined = (parts: readonly string[]): string =>
    parts.length === 1 ? (parts[0] ?? flat) : graph.add("Concat", parts, { axis: 2 });
  const zeros = reshape(context, context.zerosLike(x), [...whole.slice(0, 2), product(context, whole.slice(2))]);
  return reshape(
    context,
    graph.add("ScatterElements", [zeros, joined(indices), joined(shares)], { axis: 2, reduction: "add" }),
    whole,
  );
}

/** dgrid = Σ over channels and corners of dY · X[corner] · ∂weight/∂coordinate */
function gridGradient(
  context: RuleContext,
  flat: string,
  image: string,
  corners: readonly Corner[],
  slopes: readonly string[],
  indices: readonly string[],
): string {
  const { graph } = context;
  const grid = context.input(1);
  const types = [context.dataType(context.input(0)), context.dataType(grid)] as const;
  const pulls = indices.map((index) => {
    const values = graph.add("GatherElements", [image, index], { axis: 2 });
    return castTo(
      context,
      graph.add("ReduceSum", [graph.add("Mul", [flat, values]), graph.int64([1])], { keepdims: 0 }),
      ...types,
    );
  });
  const axes = slopes.length;
  const components = range(0, axes).map((axis) => {
    const terms = corners.map(({ derivatives }, index) =>
      graph.add("Mul", [pulls[index] ?? flat, derivatives[axis] ?? flat]),
    );
    const sum = terms.length === 1 ? (terms[0] ?? flat) : graph.add("Sum", terms);
    return graph.add("Unsqueeze", [graph.add("Mul", [sum, slopes[axis] ?? flat]), graph.int64([-1])]);
  });
  // the grid names the last axis first
  return graph.add("Reshape", [graph.add("Concat", components.toReversed(), { axis: -1 }), context.shapeTensor(grid)]);
}
