import type { GraphBuilder } from "../onnx/graph-builder";
import type { DataType, Dimension, Node, Tensor, ValueInfo } from "../onnx/model";

/** What a gradient rule may ask about the node it differentiates, and where it emits nodes. Values are named by strings. */
export interface RuleContext {
  readonly node: Node;
  /** Emits the gradient's nodes; standard operators of opset 18 to 21 only. */
  readonly graph: GraphBuilder;
  /** The node's input by position; refuses when it is absent. */
  input(index: number): string;
  /** Whether the node has this (optional) input. */
  has(index: number): boolean;
  /** The node's output by position; refuses when it is absent (ask `ensureOutput` to have it added). */
  output(index: number): string;
  /** The node's output by position, added to the forward node under a fresh name when it was left out. */
  ensureOutput(index: number): string;
  /** Whether anyone asks for the gradient of this input: rules skip work for the others. */
  needs(index: number): boolean;
  /** What is known of a value; undefined where not even its type is. */
  info(value: string): ValueInfo | undefined;
  /** Refuses when it is not known. */
  dataType(value: string): DataType;
  /** Extents, symbols or nulls; refuses when even the rank is unknown. */
  shape(value: string): readonly Dimension[];
  rank(value: string): number;
  /** The shape when every extent is known, else undefined. */
  staticShape(value: string): readonly number[] | undefined;
  /** The value when it is an initialiser or folds to a constant, else undefined. */
  constantValue(value: string): Tensor | undefined;
  /** The shape as an int64 vector in the graph: a constant where it is known, else a Shape node. */
  shapeTensor(value: string): string;
  /** A scalar constant of the same data type as `like`. */
  scalar(number: number, like: string): string;
  /** Zeros of the shape and type of a value. */
  zerosLike(value: string): string;
  /** `value` where the condition holds, zero elsewhere. */
  keepWhere(condition: string, value: string): string;
  /** Sums a gradient of broadcast shape back to the shape of `target`. */
  sumTo(gradient: string, target: string): string;
  /** Gives up with a named error that carries the node's name and operator. */
  refuse(reason: string): never;
}

/**
 * Emits the nodes of one operator's vector-Jacobian product.
 * `outputGradients[i]` is the cotangent of output i, or undefined where nothing flows back; at least one is there.
 * Returns one gradient a (positional) input; undefined means zero.
 */
export type GradientRule = (
  context: RuleContext,
  outputGradients: readonly (string | undefined)[],
) => readonly (string | undefined)[];

/** The rule of an operator with one output, and one input that has a gradient: dX from dY. Refuses where another's is asked for. */
export function unaryRule(gradient: (context: RuleContext, dy: string) => string): GradientRule {
  return (context, [dy]) => {
    if (dy === undefined) return [];
    const other = context.node.inputs.findIndex((_, index) => index > 0 && context.needs(index));
    if (other > 0)
      context.refuse(
        `it has no gradient with respect to its input "${context.input(other)}"; name the values to differentiate with respect to`,
      );
    return [gradient(context, dy)];
  };
}
