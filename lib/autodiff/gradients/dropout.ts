import { dataTypeCode } from "../../onnx/data-types";
import type { GradientRule } from "../gradient-rule";

/** y = x in inference mode; x · mask / (1 − ratio) in training mode, which an input may switch on. */
export const dropoutGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { graph } = context;
  const training = context.has(2) ? context.constantValue(context.input(2)) : undefined;
  if (!context.has(2) || training?.data[0] === 0) return [dy];
  if (context.has(1) && context.needs(1)) context.refuse("it has no gradient with respect to its ratio");
  const ratio = context.has(1)
    ? graph.add("Cast", [context.input(1)], { to: dataTypeCode(context.dataType(dy)) })
    : context.scalar(0.5, dy);
  // dX = mask · dY / (1 − ratio); in inference mode the mask is true everywhere and nothing is scaled
  const one = context.scalar(1, dy);
  const kept = graph.add("Where", [context.input(2), graph.add("Sub", [one, ratio]), one]);
  return [context.keepWhere(context.ensureOutput(1), graph.add("Div", [dy, kept]))];
};
