import { stringAttribute } from "../../onnx/attributes";
import type { Dimension } from "../../onnx/model";
import { freeLetters, parseEinsum, type EinsumEquation } from "../emission/einsum-equation";
import { extentOf } from "../emission/extents";
import { identityMatrix } from "../emission/linear-along-axis";
import { castTo } from "../emission/values";
import type { GradientRule, RuleContext } from "../gradient-rule";
import { sumToShape } from "../sum-to-shape";

interface Operand {
  readonly name: string;
  readonly term: string;
}

/** Einsum: ellipses, sums, broadcasting extents of 1, diagonals, any number of operands. */
export const einsumGradient: GradientRule = (context, [dY]) => {
  if (!dY) return [];
  const { inputs, attributes } = context.node;
  const text = attributes["equation"]
    ? stringAttribute(context.node, "equation", "")
    : context.refuse("it has no equation");
  const equation =
    parseEinsum(
      text,
      inputs.map((name) => context.rank(name)),
    ) ?? context.refuse("its operands have more axes than there are letters");
  return inputs.map((_, index) => (context.needs(index) ? operandGradient(context, dY, equation, index) : undefined));
};

/** dXᵢ = einsum(dY, all other operands → the letters of Xᵢ) */
function operandGradient(context: RuleContext, dY: string, equation: EinsumEquation, index: number): string {
  const { graph } = context;
  const x = context.input(index);
  const term = equation.terms[index] ?? "";
  const others = equation.terms.flatMap((other, position): Operand[] =>
    position === index ? [] : [{ name: context.input(position), term: other }],
  );
  const { distinct, diagonals } = withoutRepetition(context, x, term, equation);
  const operands = [{ name: dY, term: equation.output }, ...others, ...diagonals];
  const present = new Set(operands.flatMap((operand) => [...operand.term]));
  const alone = [...distinct].flatMap((letter, axis) => (present.has(letter) ? [] : [axis]));
  const kept = [...distinct].filter((letter) => present.has(letter)).join("");
  let gradient = contract(context, operands, kept);
  // a letter that nothing else has was summed over alone: every element along it gets the same
  if (alone.length > 0)
    gradient = graph.add("Expand", [graph.add("Unsqueeze", [gradient, graph.int64(alone)]), context.shapeTensor(x)]);
  const own = context.shape(x);
  const whole = [...distinct].map((letter, axis): Dimension =>
    alone.includes(axis) ? (own[axis] ?? null) : extentOfLetter(context, equation, letter, own[axis] ?? null),
  );
  return sumToShape(context, gradient, whole, x, own);
}

/** A letter twice in one term reads a diagonal: its second place gets a new letter, tied to the first by an identity matrix. */
function withoutRepetition(
  context: RuleContext,
  x: string,
  term: string,
  equation: EinsumEquation,
): { distinct: string; diagonals: Operand[] } {
  const spare = freeLetters(equation.terms.join("") + equation.output);
  const diagonals: Operand[] = [];
  const distinct = [...term].map((letter, axis) => {
    if (term.indexOf(letter) === axis) return letter;
    const fresh = spare[diagonals.length] ?? context.refuse("its operands have more axes than there are letters");
    const matrix = castTo(
      context,
      identityMatrix(context, extentOf(context, x, axis), "float32"),
      "float32",
      context.dataType(x),
    );
    diagonals.push({ name: matrix, term: letter + fresh });
    return fresh;
  });
  return { distinct: distinct.join(""), diagonals };
}

/** Einsum of operands; scalars are multiplied in apart, and nothing is emitted where nothing happens. */
function contract(context: RuleContext, operands: readonly Operand[], target: string): string {
  const { graph } = context;
  const scalars = operands.filter(({ term }) => term === "");
  const tensors = operands.filter(({ term }) => term !== "");
  const [only] = tensors;
  const values = scalars.map(({ name }) => name);
  if (only && tensors.length === 1 && only.term === target) values.push(only.name);
  else if (only) {
    const equation = `${tensors.map(({ term }) => term).join(",")}->${target}`;
    values.push(
      graph.add(
        "Einsum",
        tensors.map(({ name }) => name),
        { equation },
      ),
    );
  }
  return values.reduce((product, value) => graph.add("Mul", [product, value]));
}

/** The extent that a letter has after broadcasting, `own` for one that came in as the second place of a diagonal. */
function extentOfLetter(context: RuleContext, equation: EinsumEquation, letter: string, own: Dimension): Dimension {
  const found = equation.terms.flatMap((term, index) =>
    [...term].flatMap((other, axis) => (other === letter ? [context.shape(context.input(index))[axis] ?? null] : [])),
  );
  if (found.length === 0) return own;
  const extents = [...new Set(found.filter((extent) => extent !== 1))];
  const known = extents.find((extent) => typeof extent === "number");
  if (known !== undefined) return known;
  return extents.length > 1 ? null : extents.length === 0 ? 1 : (extents[0] ?? null);
}
