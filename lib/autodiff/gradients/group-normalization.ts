import { floatAttribute, intAttribute } from "../../onnx/attributes";
import { extentsOf, reshape } from "../emission/extents";
import { standardise, standardisedGradient } from "../emission/standardised";
import { castTo, range, reduceSum } from "../emission/values";
import type { GradientRule } from "../gradient-rule";

/** GroupNormalization (opset 21: one scale and bias a channel): mean and variance of each group of channels of each image. */
export const groupNormalizationGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const { graph, node } = context;
  const x = context.input(0);
  const dataType = context.dataType(x);
  const inner = intAttribute(node, "stash_type", 1) === 1 && dataType !== "float64" ? "float32" : dataType;
  const [wide, dWide, scale] = [x, dY, context.input(1)].map((value) => castTo(context, value, dataType, inner)) as [
    string,
    string,
    string,
  ];
  const whole = extentsOf(context, x);
  const groups = intAttribute(node, "num_groups") ?? context.refuse("it has no num_groups");
  const spatial = range(2, whole.length);
  const perGroup = (value: string): string => graph.add("Reshape", [value, graph.int64([0, groups, -1])]);
  const standardised = standardise(context, perGroup(wide), [2], floatAttribute(node, "epsilon", 1e-5), wide);
  const column = graph.add("Reshape", [scale, graph.int64([-1, ...spatial.map(() => 1)])]);
  const narrow = (value: string): string => castTo(context, value, inner, dataType);
  return [
    context.needs(0)
      ? narrow(
          reshape(
            context,
            standardisedGradient(context, standardised, perGroup(graph.add("Mul", [dWide, column]))),
            whole,
          ),
        )
      : undefined,
    // dγ = Σ dY x̂
    context.needs(1)
      ? narrow(
          reduceSum(
            context,
            graph.add("Mul", [dWide, reshape(context, standardised.value, whole)]),
            [0, ...spatial],
            false,
          ),
        )
      : undefined,
    // dβ = Σ dY
    context.needs(2) ? narrow(reduceSum(context, dWide, [0, ...spatial], false)) : undefined,
  ];
};
