import { dataTypeCode } from "../../onnx/data-types";
import type { GradientRule } from "../gradient-rule";

/** The rule of an elementwise maximum or minimum of any number of inputs. */
export const extremumGradient: GradientRule = (context, [dy]) => {
  if (!dy) return [];
  const { graph } = context;
  const y = context.output(0);
  const { inputs } = context.node;
  if (inputs.length === 1) return [dy];
  // dXᵢ = Σ(dY · [xᵢ = y] / number of inputs that equal y)
  const hits = inputs.map((input) =>
    graph.add("Cast", [graph.add("Equal", [input, y])], { to: dataTypeCode(context.dataType(y)) }),
  );
  const share = graph.add("Div", [dy, hits.reduce((total, hit) => graph.add("Add", [total, hit]))]);
  return inputs.map((input, index) =>
    context.needs(index) ? context.sumTo(graph.add("Mul", [share, hits[index] ?? share]), input) : undefined,
  );
};
