import { float, floatAttribute, intAttribute } from "../../onnx/attributes";
import type { GradientRule } from "../gradient-rule";

/** Gemm: Y = α A' B' + β C, where A' and B' are A and B or their transposes. */
export const gemmGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const { graph, node } = context;
  const [a, b] = [context.input(0), context.input(1)];
  const transA = intAttribute(node, "transA", 0);
  const transB = intAttribute(node, "transB", 0);
  const alpha = float(floatAttribute(node, "alpha", 1));
  const beta = floatAttribute(node, "beta", 1);
  const gradients: (string | undefined)[] = [undefined, undefined, undefined];
  if (context.needs(0)) {
    // dA' = α dY B'ᵀ, and dA = dA'ᵀ = α B' dYᵀ when A was transposed
    gradients[0] = transA
      ? graph.add("Gemm", [b, dY], { alpha, transA: transB, transB: 1 })
      : graph.add("Gemm", [dY, b], { alpha, transB: 1 - transB });
  }
  if (context.needs(1)) {
    // dB' = α A'ᵀ dY, and dB = dB'ᵀ = α dYᵀ A' when B was transposed
    gradients[1] = transB
      ? graph.add("Gemm", [dY, a], { alpha, transA: 1, transB: transA })
      : graph.add("Gemm", [a, dY], { alpha, transA: 1 - transA });
  }
  if (context.needs(2)) {
    // dC = β dY, summed back over what was broadcast
    const summed = context.sumTo(dY, context.input(2));
    gradients[2] = beta === 1 ? summed : graph.add("Mul", [summed, context.scalar(beta, a)]);
  }
  return gradients;
};
