import { dataTypeCode } from "../../onnx/data-types";
import type { RuleContext } from "../gradient-rule";

/** Reading from and writing to the places that a scattering node's indices name. */
export interface IndexedAccess {
  gather(data: string): string;
  scatter(data: string, updates: string, reduction: string): string;
}

/** The gradients of data and updates (inputs 0 and 2) of ScatterElements and ScatterND. */
export function scatterGradient(
  context: RuleContext,
  dY: string | undefined,
  reduction: string,
  access: IndexedAccess,
): (string | undefined)[] {
  if (!dY) return [];
  const gradients = gradientsOf(context, dY, reduction, access);
  return [
    context.needs(0) ? gradients.data() : undefined,
    undefined,
    context.needs(2) ? gradients.updates() : undefined,
  ];
}

function gradientsOf(
  context: RuleContext,
  dY: string,
  reduction: string,
  access: IndexedAccess,
): { data: () => string; updates: () => string } {
  const { graph } = context;
  const [x, u] = [context.input(0), context.input(2)];
  const zeros = (): string => context.zerosLike(u);
  switch (reduction) {
    case "none": // y is u where indices point, else x
      return { data: () => access.scatter(dY, zeros(), "none"), updates: () => access.gather(dY) };
    case "add":
      return { data: () => dY, updates: () => access.gather(dY) };
    case "mul": // dX = dY Π u, dU = dY · (the product of all other factors)
      return {
        data: () => access.scatter(dY, u, "mul"),
        updates: () => graph.add("Mul", [access.gather(dY), otherFactors(context, x, u, access)]),
      };
    case "max":
    case "min": {
      const { inData, inUpdates, share } = winners(context, dY, access);
      return {
        data: () => graph.add("Mul", [share, inData]),
        updates: () => graph.add("Mul", [access.gather(share), inUpdates]),
      };
    }
    default:
      return context.refuse(`its reduction "${reduction}" is not one of none, add, mul, max and min`);
  }
}

/** For each update the product of the datum and the other updates of its place; right also where factors are zero. */
function otherFactors(context: RuleContext, x: string, u: string, access: IndexedAccess): string {
  const { graph } = context;
  const isZero = graph.add("Equal", [u, context.scalar(0, u)]);
  const zeroCount = graph.add("Cast", [isZero], { to: dataTypeCode(context.dataType(u)) });
  const nonZero = graph.add("Where", [isZero, context.scalar(1, u), u]);
  const products = access.gather(access.scatter(x, nonZero, "mul"));
  const zerosThere = access.gather(access.scatter(context.zerosLike(x), zeroCount, "add"));
  const otherZeros = graph.add("Sub", [zerosThere, zeroCount]);
  const anyOther = graph.add("Greater", [otherZeros, context.scalar(0, u)]);
  return graph.add("Where", [anyOther, context.scalar(0, u), graph.add("Div", [products, nonZero])]);
}

/** Which data and updates equal the extremum of their place; the gradient there, shared equally among them. */
function winners(
  context: RuleContext,
  dY: string,
  access: IndexedAccess,
): { inData: string; inUpdates: string; share: string } {
  const { graph } = context;
  const [x, u, y] = [context.input(0), context.input(2), context.output(0)];
  const equal = (a: string, b: string): string =>
    graph.add("Cast", [graph.add("Equal", [a, b])], { to: dataTypeCode(context.dataType(x)) });
  const inData = equal(x, y);
  const inUpdates = equal(u, access.gather(y));
  return { inData, inUpdates, share: graph.add("Div", [dY, access.scatter(inData, inUpdates, "add")]) };
}
