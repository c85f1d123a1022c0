import { extentsOf, reshape, product } from "../emission/extents";
import { unaryRule } from "../gradient-rule";

/** GlobalMaxPool: the first maximum of a channel takes its whole gradient. */
export const globalMaxPoolGradient = unaryRule((context, dY) => {
  const { graph } = context;
  const x = context.input(0);
  const whole = extentsOf(context, x);
  const rows = graph.add("Flatten", [x], { axis: 2 });
  // dX = dY at the first maximum, zero elsewhere
  const first = graph.add("ArgMax", [rows], { axis: 1, keepdims: 1 });
  const zeros = reshape(context, context.zerosLike(x), [
    product(context, whole.slice(0, 2)),
    product(context, whole.slice(2)),
  ]);
  const placed = graph.add("ScatterElements", [zeros, first, graph.add("Flatten", [dY], { axis: 2 })], { axis: 1 });
  return reshape(context, placed, whole);
});
