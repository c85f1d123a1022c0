import { inferValues } from "../onnx/infer-shapes";
import type { Model, Node, Tensor } from "../onnx/model";

/** Between which numbers a value lies, whatever the image: [−∞, ∞] for what is free to be any number. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

const free: ValueRange = { low: -Infinity, high: Infinity };
const unit: ValueRange = { low: 0, high: 1 };

/** Sums of products with weights: nothing bounds them. */
const linear = new Set([
  "Gemm",
  "MatMul",
  "Conv",
  "ConvTranspose",
  "Einsum",
  "BatchNormalization",
  "InstanceNormalization",
  "GroupNormalization",
  "LayerNormalization",
]);

/** What gives back elements of its first input, or means of them. */
const keeping = new Set([
  "Identity",
  "Flatten",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Dropout",
  "Cast",
  "Slice",
  "Gather",
  "Split",
  "Expand",
  "Tile",
  "ReduceMean",
  "ReduceMax",
  "ReduceMin",
  "GlobalAveragePool",
  "GlobalMaxPool",
]);

const mostConstants = 4096;

/** The range of a value by the operators that make it; undefined where they are not known here, or do not tell. */
export function rangeOf(model: Model, value: string): ValueRange | undefined {
  const makers = new Map(model.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const { constants } = inferValues(model);
  const known = new Map<string, ValueRange | undefined>();
  const ask = (name: string | undefined): ValueRange | undefined => {
    if (name === undefined || name === "") return undefined;
    if (known.has(name)) return known.get(name);
    const constant = constants.get(name);
    const node = makers.get(name);
    const found = constant ? rangeOfConstant(constant) : node ? rangeOfNode(node, ask) : undefined;
    const range = found && (Number.isNaN(found.low) || Number.isNaN(found.high)) ? undefined : found;
    known.set(name, range);
    return range;
  };
  return ask(value);
}

function rangeOfConstant({ dataType, data }: Tensor): ValueRange | undefined {
  if (Array.isArray(data) || dataType === "float16" || dataType === "bfloat16") return undefined;
  if (data.length === 0 || data.length > mostConstants) return undefined;
  const numbers = Array.from(data as ArrayLike<number | bigint>, Number);
  return { low: Math.min(...numbers), high: Math.max(...numbers) };
}

function rangeOfNode(node: Node, ask: (name: string | undefined) => ValueRange | undefined): ValueRange | undefined {
  const { operator, inputs } = node;
  if (node.domain !== "") return undefined;
  if (linear.has(operator)) return free;
  const x = ask(inputs[0]);
  if (keeping.has(operator)) return x;
  switch (operator) {
    case "Sigmoid":
    case "HardSigmoid":
    case "Softmax":
      return unit;
    case "LogSoftmax":
      return { low: -Infinity, high: 0 };
    case "Tanh":
    case "Softsign":
    case "Erf":
      return { low: -1, high: 1 };
    case "Relu":
      return x && { low: Math.max(0, x.low), high: Math.max(0, x.high) };
    case "Exp":
      return x && { low: Math.exp(x.low), high: Math.exp(x.high) };
    case "Neg":
      return x && { low: -x.high, high: -x.low };
    case "Reciprocal":
      return quotient({ low: 1, high: 1 }, x);
    case "Clip":
      return clipped(x ?? free, boundOf(node, 1, "min", ask)?.low, boundOf(node, 2, "max", ask)?.high);
    case "Concat":
    case "Max":
    case "Min":
    case "Mean":
      return union(inputs.map(ask));
    case "Add":
    case "Sum":
      return inputs
        .map(ask)
        .reduce((sum, one) => sum && one && { low: sum.low + one.low, high: sum.high + one.high }, { low: 0, high: 0 });
    case "Sub": {
      const y = ask(inputs[1]);
      return x && y && { low: x.low - y.high, high: x.high - y.low };
    }
    case "Mul":
      return product(x, ask(inputs[1]));
    case "Div":
      return quotient(x, ask(inputs[1]));
    default:
      return undefined;
  }
}

function union(ranges: readonly (ValueRange | undefined)[]): ValueRange | undefined {
  const known = ranges.filter((range) => range !== undefined);
  if (known.length < ranges.length) return undefined;
  return { low: Math.min(...known.map(({ low }) => low)), high: Math.max(...known.map(({ high }) => high)) };
}

function product(x: ValueRange | undefined, y: ValueRange | undefined): ValueRange | undefined {
  if (!x || !y) return undefined;
  const corners = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high];
  return { low: Math.min(...corners), high: Math.max(...corners) };
}

function quotient(x: ValueRange | undefined, y: ValueRange | undefined): ValueRange | undefined {
  if (!y || (y.low <= 0 && y.high >= 0)) return undefined;
  return product(x, { low: 1 / y.high, high: 1 / y.low });
}

function clipped({ low, high }: ValueRange, min = -Infinity, max = Infinity): ValueRange {
  return { low: Math.min(Math.max(low, min), max), high: Math.max(Math.min(high, max), min) };
}

/** Clip's bounds were attributes before operator set 11. */
function boundOf(
  { attributes, inputs }: Node,
  index: number,
  name: string,
  ask: (name: string | undefined) => ValueRange | undefined,
): ValueRange | undefined {
  const attribute = attributes[name];
  return attribute?.kind === "float" ? { low: attribute.value, high: attribute.value } : ask(inputs[index]);
}
