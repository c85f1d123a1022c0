import type { RuleContext } from "../gradient-rule";
import { convolutionInputGradient } from "./convolution-input-gradient";
import { extentOf, minus, product, reshape, times } from "./extents";
import { padSpatially, type SlidingWindow } from "./sliding-window";
import { range, realConstant } from "./values";

/** The adjoint of summing windows of the node's input: every element gets the sum of `gradient` over the windows that hold it. */
export function foldWindows(context: RuleContext, gradient: string, window: SlidingWindow): string {
  const { graph } = context;
  const x = context.input(0);
  if (isTiling(window)) {
    const repeated = graph.add("Resize", [gradient, "", graph.float32([1, 1, ...window.kernel])], {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
    const missing = window.kernel.map((extent, axis) =>
      minus(
        context,
        extentOf(context, x, axis + 2),
        times(context, extentOf(context, context.output(0), axis + 2), extent),
      ),
    );
    return padSpatially(context, repeated, window.begin, missing);
  }
  const channels = context.shape(x)[1];
  const group = typeof channels === "number" ? channels : 1;
  const ones = realConstant(
    context,
    range(0, group * window.kernel.reduce((a, b) => a * b, 1)).map(() => 1),
    [group, 1, ...window.kernel],
    x,
  );
  const fold = (value: string): string => convolutionInputGradient(context, value, ones, () => ones, group, window);
  if (typeof channels === "number") return fold(gradient);
  const spatial = (value: string): (number | string)[] =>
    window.kernel.map((_, axis) => extentOf(context, value, axis + 2));
  const planes = [extentOf(context, x, 0), extentOf(context, x, 1)];
  const folded = fold(reshape(context, gradient, [product(context, planes), 1, ...spatial(context.output(0))]));
  return reshape(context, folded, [...planes, ...spatial(x)]);
}

/** Whether windows lie side by side, so that each element belongs to one window at most. */
function isTiling({ kernel, strides, dilations, begin, end }: SlidingWindow): boolean {
  return kernel.every(
    (extent, axis) => extent === strides[axis] && dilations[axis] === 1 && begin[axis] === 0 && end[axis] === 0,
  );
}
