import { intAttribute } from "../../onnx/attributes";
import { dataTypeCode } from "../../onnx/data-types";
import { elementCount } from "../../onnx/tensor";
import type { RuleContext } from "../gradient-rule";

/**
 * The output of a reduction, or its gradient, with the reduced axes back as extents of 1, so that it broadcasts against the input.
 * A scalar left by reducing every axis broadcasts as it is.
 */
export function keepAxes(context: RuleContext, reduced: string): string {
  const dropsAxes = intAttribute(context.node, "keepdims", 1) === 0;
  return dropsAxes && hasAxes(context) ? context.graph.add("Unsqueeze", [reduced, context.input(1)]) : reduced;
}

/** Σ of a value of the input's shape over the axes that the node reduces, which stay as extents of 1. */
export function reducedSum(context: RuleContext, value: string): string {
  return reduceLike(context, "ReduceSum", value);
}

/** Π of a value of the input's shape over the axes that the node reduces, which stay as extents of 1. */
export function reducedProduct(context: RuleContext, value: string): string {
  return reduceLike(context, "ReduceProd", value);
}

/** How many input elements go into each output element, as a scalar of the type of `like`. */
export function reducedCount(context: RuleContext, like: string): string {
  const { graph } = context;
  const [x, y] = [context.input(0), context.output(0)];
  const [from, to] = [context.staticShape(x), context.staticShape(y)];
  if (from && to && elementCount(to) > 0) return context.scalar(elementCount(from) / elementCount(to), like);
  const [whole, parts] = [x, y].map((value) =>
    graph.add("Cast", [graph.add("Size", [value])], { to: dataTypeCode(context.dataType(like)) }),
  );
  return graph.add("Div", [whole ?? x, parts ?? y]);
}

function reduceLike(context: RuleContext, operator: string, value: string): string {
  const noop = intAttribute(context.node, "noop_with_empty_axes", 0);
  return context.graph.add(operator, [value, ...(context.has(1) ? [context.input(1)] : [])], {
    keepdims: 1,
    ...(noop ? { noop_with_empty_axes: 1 } : {}),
  });
}

/** Whether the node names the axes it reduces; an empty list means all of them, or none. */
function hasAxes(context: RuleContext): boolean {
  return context.has(1) && context.constantValue(context.input(1))?.data.length !== 0;
}
