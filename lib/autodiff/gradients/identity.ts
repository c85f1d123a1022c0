import { unaryRule } from "../gradient-rule";

/** y = x: dX = dY. */
export const identityGradient = unaryRule((_context, dy) => dy);
