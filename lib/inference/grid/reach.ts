import { intAttribute } from "../../onnx/attributes";
import type { Node } from "../../onnx/model";
import { usedNames } from "../../onnx/references";
import { hasExtras, hasGrid, type Axes } from "./axes";

const picking = new Set(["Slice", "Gather", "Split"]);
const alongAnAxis = new Set(["Softmax", "LogSoftmax", "LayerNormalization", "Hardmax", "CumSum"]);

/**
 * The values whose places on the grid the scores depend on. Behind the last attention of a transformer that is read at its class token,
 * the other tokens go on being computed and are thrown away: they lie on the grid, and have no influence.
 */
export function placesThatCount(
  nodes: readonly Node[],
  scores: string,
  axesOf: (name: string) => Axes | undefined,
  isFixed: (name: string) => boolean,
): ReadonlySet<string> {
  const used = new Set([scores]);
  const counting = new Set([scores]);
  for (const node of nodes.toReversed()) {
    const outputs = node.outputs.filter((name) => used.has(name));
    if (outputs.length === 0) continue;
    for (const name of usedNames(node)) {
      used.add(name);
      if (isFixed(name)) continue;
      if (outputs.some((output) => counting.has(output) && takesPlaces(node, axesOf(name), axesOf(output), isFixed)))
        counting.add(name);
      if (outputs.some((output) => !counting.has(output) && mixesPlaces(node, axesOf(name), isFixed)))
        counting.add(name);
    }
  }
  return counting;
}

/** Whether an output whose places count (or that has none) makes those of the input count. */
function takesPlaces(
  node: Node,
  input: Axes | undefined,
  output: Axes | undefined,
  isFixed: (name: string) => boolean,
): boolean {
  const leavesGrid = output !== undefined && !output.some(hasGrid);
  // The class token, picked out from among the others.
  const picksExtras =
    leavesGrid && picking.has(node.operator) && input?.some((axis) => hasGrid(axis) && hasExtras(axis)) === true;
  return !picksExtras || mixesPlaces(node, input, isFixed);
}

/** Whether every place of the output depends on every place of the input. */
function mixesPlaces(
  { operator, inputs, ...node }: Node,
  input: Axes | undefined,
  isFixed: (name: string) => boolean,
): boolean {
  if (operator === "MatMul" || operator === "Einsum") return inputs.filter((name) => !isFixed(name)).length > 1;
  if (operator === "Attention" || operator === "MultiHeadAttention") return true;
  if (!input || !alongAnAxis.has(operator)) return false;
  const axis = (intAttribute({ operator, inputs, ...node }, "axis", -1) + input.length) % input.length;
  const axes = operator === "LayerNormalization" ? input.slice(axis) : input.slice(axis, axis + 1);
  return axes.some(hasGrid);
}
