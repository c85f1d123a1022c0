import { floatAttribute, intAttribute, stringAttribute } from "../attributes";
import { dataTypeCode, isFloat } from "../data-types";
import type { UpgradeRule, UpgradeStep } from "./upgrade-step";

/** Swish 24: y = x sigmoid(alpha x). */
const swish: UpgradeRule = (step) => {
  const { graph } = step;
  const alpha = floatAttribute(step.node, "alpha", 1);
  const x = step.input(0);
  const gate = graph.add("Sigmoid", [alpha === 1 ? x : graph.add("Mul", [x, step.float(alpha, 0)])]);
  graph.add("Mul", [x, gate], {}, step.output());
  return undefined;
};

/** SwiGLU 28: y = swish(a) b. */
const swiglu: UpgradeRule = (step) => {
  const { graph } = step;
  const a = step.input(0);
  const alpha = floatAttribute(step.node, "alpha", 1);
  const gate = graph.add("Sigmoid", [alpha === 1 ? a : graph.add("Mul", [a, step.float(alpha, 0)])]);
  graph.add("Mul", [graph.add("Mul", [a, gate]), step.input(1)], {}, step.output());
  return undefined;
};

/** RMSNormalization 23: y = x / sqrt(mean(x²) + epsilon) scale, the mean over the axes from `axis` on, in float32 if so asked. */
const rmsNormalization: UpgradeRule = (step) => {
  const { graph, node } = step;
  const dataType = step.dataType(0);
  const rank = step.shape(0)?.length ?? step.refuse("the rank of its input is not known");
  const axis = intAttribute(node, "axis", -1);
  const first = axis < 0 ? axis + rank : axis;
  if (first < 0 || first >= rank) return step.refuse(`its axis ${axis} is not one of ${rank}`);
  const widened = intAttribute(node, "stash_type", 1) === 1 && dataType !== "float32" && dataType !== "float64";
  const x = widened ? graph.add("Cast", [step.input(0)], { to: dataTypeCode("float32") }) : step.input(0);
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const square = graph.add(
    "ReduceMean",
    [graph.add("Mul", [x, x]), graph.int64(Array.from({ length: rank - first }, (_, index) => first + index))],
    { keepdims: 1 },
  );
  const deviation = graph.add("Sqrt", [
    graph.add("Add", [square, widened ? graph.float32(epsilon) : step.float(epsilon, 0)]),
  ]);
  const normalized = graph.add("Div", [x, deviation]);
  graph.add(
    "Mul",
    [widened ? graph.add("Cast", [normalized], { to: dataTypeCode(dataType) }) : normalized, step.input(1)],
    {},
    step.output(),
  );
  return undefined;
};

/** [batch, sequence, heads * size] as [batch, heads, sequence, size]; four axes stay. */
function byHeads(step: UpgradeStep, index: number, heads: number | undefined): string {
  const rank = step.shape(index)?.length ?? step.refuse(`the rank of "${step.input(index)}" is not known`);
  if (rank === 4) return step.input(index);
  if (heads === undefined) return step.refuse("the number of heads is missing");
  return step.graph.add(
    "Transpose",
    [step.graph.add("Reshape", [step.input(index), step.graph.int64([0, 0, heads, -1])])],
    { perm: [0, 2, 1, 3] },
  );
}

/** Each key or value head repeated for the query heads that share it (grouped-query attention). */
function repeatHeads(step: UpgradeStep, value: string, times: number, heads: number): string {
  if (times === 1) return value;
  const indices = Array.from({ length: heads * times }, (_, index) => Math.floor(index / times));
  return step.graph.add("Gather", [value, step.graph.int64(indices)], { axis: 1 });
}

/** Softmax of scores under the mask of input 3; a row whose every score is masked attends to nothing (zeros, not NaN). */
function maskedSoftmax(step: UpgradeStep, scores: string): string {
  const { graph } = step;
  const [zero, infinity] = [step.float(0, 0), step.float(-Infinity, 0)];
  const masked =
    step.dataType(3) === "bool"
      ? graph.add("Where", [step.input(3), scores, infinity])
      : graph.add("Add", [scores, step.input(3)]);
  const nothing = graph.add("Equal", [graph.add("ReduceMax", [masked, graph.int64([-1])], { keepdims: 1 }), infinity]);
  return graph.add("Where", [
    nothing,
    zero,
    graph.add("Softmax", [graph.add("Where", [nothing, zero, masked])], { axis: -1 }),
  ]);
}

/** Attention 23: softmax(scale Q Kᵀ + mask) V; without a cache, and for floats that need no other precision in the softmax. */
const attention: UpgradeRule = (step) => {
  const { graph, node } = step;
  if ([4, 5, 6].some((index) => step.has(index)) || [1, 2].some((index) => step.isUsed(index)))
    return step.refuse("keys and values of earlier calls (a cache) are used");
  if (step.isUsed(3)) return step.refuse("its inner product is used as an output");
  if (intAttribute(node, "left_window_size", -1) !== -1 || intAttribute(node, "right_window_size", -1) !== -1)
    return step.refuse("it attends in a window");
  const dataType = step.dataType(0);
  if (dataType === "float16" || dataType === "bfloat16") return step.refuse("half precision is used");
  const rank = step.shape(0)?.length;
  const [maskLength, keyLength] = [step.shape(3)?.at(-1), step.shape(1)?.at(-2)];
  if (typeof maskLength === "number" && typeof keyLength === "number" && maskLength !== keyLength)
    return step.refuse("its mask is shorter than its keys");
  const headsOf = (index: number, attribute: string): number => {
    const extent = step.shape(index)?.length === 4 ? step.shape(index)?.[1] : intAttribute(node, attribute);
    return typeof extent === "number" ? extent : step.refuse("the number of heads is not known");
  };
  const [queryHeads, keyHeads] = [headsOf(0, "q_num_heads"), headsOf(1, "kv_num_heads")];
  if (!(keyHeads > 0 && queryHeads % keyHeads === 0))
    return step.refuse(`its ${queryHeads} query heads do not share ${keyHeads} key heads evenly`);
  const q = byHeads(step, 0, queryHeads);
  const [k, v] = [1, 2].map((index) =>
    repeatHeads(step, byHeads(step, index, keyHeads), queryHeads / keyHeads, keyHeads),
  ) as [string, string];

  const given = floatAttribute(node, "scale");
  const extent = step.shape(0)?.[rank === 4 ? 3 : 2];
  const size = typeof extent === "number" ? extent / (rank === 4 ? 1 : queryHeads) : undefined;
  const scale = given ?? (size === undefined ? step.refuse("the size of its heads is not known") : 1 / Math.sqrt(size));
  let scores = graph.add("Mul", [
    graph.add("MatMul", [q, graph.add("Transpose", [k], { perm: [0, 1, 3, 2] })]),
    step.float(scale, 0),
  ]);
  const softcap = floatAttribute(node, "softcap", 0);
  if (softcap !== 0)
    scores = graph.add("Mul", [
      graph.add("Tanh", [graph.add("Div", [scores, step.float(softcap, 0)])]),
      step.float(softcap, 0),
    ]);
  if (intAttribute(node, "is_causal", 0) === 1) {
    const ones = graph.add("Expand", [graph.float32([1]), graph.add("Shape", [scores], { start: 2 })]);
    const allowed = graph.add("Cast", [graph.add("Trilu", [ones], { upper: 0 })], { to: dataTypeCode("bool") });
    scores = graph.add("Where", [allowed, scores, step.float(-Infinity, 0)]);
  }
  const weights = step.has(3) ? maskedSoftmax(step, scores) : graph.add("Softmax", [scores], { axis: -1 });
  const mixed = graph.add("MatMul", [weights, v], {}, rank === 4 ? step.output() : undefined);
  if (rank !== 4)
    graph.add(
      "Reshape",
      [graph.add("Transpose", [mixed], { perm: [0, 2, 1, 3] }), graph.int64([0, 0, -1])],
      {},
      step.output(),
    );
  return undefined;
};

/** Rotary embedding 23 of the first `rotary_embedding_dim` elements of every head: pairs turned by the angles in the caches. */
const rotaryEmbedding: UpgradeRule = (step) => {
  const { graph, node } = step;
  const rank = step.shape(0)?.length;
  const x = byHeads(step, 0, rank === 4 ? undefined : intAttribute(node, "num_heads"));
  const extent = step.shape(0)?.[rank === 4 ? 3 : 2];
  if (typeof extent !== "number") return step.refuse("the size of its heads is not known");
  const size = rank === 4 ? extent : extent / (intAttribute(node, "num_heads") ?? 1);
  const turned = intAttribute(node, "rotary_embedding_dim", 0) || size;
  if (!Number.isInteger(size) || turned % 2 !== 0)
    return step.refuse(`${turned} of ${size} elements of a head cannot be turned in pairs`);
  const angle = (index: number): string => {
    const cache = step.has(3)
      ? graph.add("Gather", [step.input(index), step.input(3)], { axis: 0 })
      : step.input(index);
    return graph.add("Unsqueeze", [cache, graph.int64([1])]);
  };
  const [cosine, sine] = [angle(1), angle(2)];
  const part = (start: number, end: number, step2 = 1): string =>
    graph.add("Slice", [x, graph.int64([start]), graph.int64([end]), graph.int64([3]), graph.int64([step2])]);
  const interleaved = intAttribute(node, "interleaved", 0) === 1;
  const [a, b] = interleaved
    ? [part(0, turned, 2), part(1, turned, 2)]
    : [part(0, turned / 2), part(turned / 2, turned)];
  // (a, b) -> (a cos - b sin, b cos + a sin)
  const real = graph.add("Sub", [graph.add("Mul", [a, cosine]), graph.add("Mul", [b, sine])]);
  const imaginary = graph.add("Add", [graph.add("Mul", [b, cosine]), graph.add("Mul", [a, sine])]);
  const pairs = interleaved
    ? graph.add("Reshape", [
        graph.add(
          "Concat",
          [graph.add("Unsqueeze", [real, graph.int64([4])]), graph.add("Unsqueeze", [imaginary, graph.int64([4])])],
          { axis: 4 },
        ),
        graph.int64([0, 0, 0, turned]),
      ])
    : graph.add("Concat", [real, imaginary], { axis: 3 });
  const whole = (output?: string): string =>
    turned === size
      ? graph.add("Identity", [pairs], {}, output)
      : graph.add("Concat", [pairs, part(turned, size)], { axis: 3 }, output);
  if (rank === 4) whole(step.output());
  else
    graph.add(
      "Reshape",
      [graph.add("Transpose", [whole()], { perm: [0, 2, 1, 3] }), graph.int64([0, 0, -1])],
      {},
      step.output(),
    );
  return undefined;
};

/** Mod 28 takes floats with the divisor's sign: x - floor(x / y) y. */
const modulo: UpgradeRule = (step) => {
  const { graph, node, opset } = step;
  if (opset < 28 || !isFloat(step.dataType(0)) || intAttribute(node, "fmod", 0) === 1) return node;
  const [x, y] = [step.input(0), step.input(1)];
  graph.add("Sub", [x, graph.add("Mul", [graph.add("Floor", [graph.add("Div", [x, y])]), y])], {}, step.output());
  return undefined;
};

function refusing(attribute: string, fallback: number): UpgradeRule {
  return (step) =>
    intAttribute(step.node, attribute, fallback) === fallback
      ? step.without(attribute)
      : step.refuse(`its attribute "${attribute}" is not known at operator set 21`);
}

const isNew: UpgradeRule = (step) => step.refuse("it does not exist at operator set 21");

/** What came or changed after operator set 21, beside wider types: by operator, the way back. */
export const newerOperators: Readonly<Record<string, UpgradeRule>> = {
  Swish: swish,
  SwiGLU: swiglu,
  RMSNormalization: rmsNormalization,
  Attention: attention,
  RotaryEmbedding: rotaryEmbedding,
  DequantizeLinear: refusing("output_dtype", 0),
  QuantizeLinear: refusing("precision", 0),
  // round_mode and stash_type speak of 8-bit and half-precision numbers alone.
  Cast: (step) => step.without("round_mode"),
  CastLike: (step) => step.without("round_mode"),
  Range: (step) => step.without("stash_type"),
  Mod: modulo,
  SpaceToDepth: (step) =>
    stringAttribute(step.node, "mode", "DCR") === "DCR" ? step.without("mode") : step.refuse("its mode is CRD"),
  TensorScatter: isNew,
  CumProd: isNew,
  BitCast: isNew,
  LinearAttention: isNew,
  CausalConvWithState: isNew,
};
