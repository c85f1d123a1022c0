import { keepPositive } from "../emission/mask";
import { unaryRule } from "../gradient-rule";

/** y = max(x, 0), with derivative 0 at 0. */
export const reluGradient = unaryRule((context, dy) => keepPositive(context, context.output(0), dy));
