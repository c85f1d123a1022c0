import { ModelError } from "../contract/errors";
import type { GraphBuilder } from "../onnx/graph-builder";
import type { DataType, Dimension, Node, Tensor, ValueInfo } from "../onnx/model";
import { filledTensor, scalarTensor } from "../onnx/scalar";
import type { RuleContext } from "./gradient-rule";
import { nodeLabel } from "./node-label";
import { sumToShape } from "./sum-to-shape";
import type { ValueFacts } from "./value-facts";

/** What the rules of one gradient share: the graph, what is known of its values, and the values gradients are asked of. */
export interface Backpropagation {
  readonly graph: GraphBuilder;
  readonly facts: ValueFacts;
  /** Values that depend on what is differentiated with respect to. */
  readonly varying: ReadonlySet<string>;
  /** Shape nodes emitted so far, by value. */
  readonly shapeTensors: Map<string, string>;
}

/** The context of one node's rule. */
export class NodeRuleContext implements RuleContext {
  readonly graph: GraphBuilder;

  constructor(
    readonly node: Node,
    private readonly shared: Backpropagation,
  ) {
    this.graph = shared.graph;
  }

  input(index: number): string {
    return this.node.inputs[index] || this.refuse(`input ${index} is left out`);
  }

  has(index: number): boolean {
    return Boolean(this.node.inputs[index]);
  }

  output(index: number): string {
    return this.node.outputs[index] || this.refuse(`output ${index} is left out`);
  }

  ensureOutput(index: number): string {
    const { outputs } = this.node;
    while (outputs.length <= index) outputs.push("");
    return (outputs[index] ||= this.graph.freshName(`${this.node.operator}_output_${index}`));
  }

  needs(index: number): boolean {
    const name = this.node.inputs[index];
    return Boolean(name) && this.shared.varying.has(name as string);
  }

  info(value: string): ValueInfo | undefined {
    return this.shared.facts.info(value);
  }

  dataType(value: string): DataType {
    return this.info(value)?.dataType ?? this.refuse(`the data type of "${value}" is not known`);
  }

  shape(value: string): readonly Dimension[] {
    return this.info(value)?.shape ?? this.refuse(`the rank of "${value}" is not known`);
  }

  rank(value: string): number {
    return this.shape(value).length;
  }

  staticShape(value: string): readonly number[] | undefined {
    const shape = this.info(value)?.shape;
    return shape?.every((extent) => typeof extent === "number") ? (shape as readonly number[]) : undefined;
  }

  constantValue(value: string): Tensor | undefined {
    return this.shared.facts.constant(value);
  }

  shapeTensor(value: string): string {
    const known = this.staticShape(value);
    if (known) return this.graph.int64(known);
    const earlier = this.shared.shapeTensors.get(value);
    if (earlier) return earlier;
    const added = this.graph.add("Shape", [value]);
    this.shared.shapeTensors.set(value, added);
    return added;
  }

  scalar(number: number, like: string): string {
    return this.graph.constant(scalarTensor(number, this.dataType(like)));
  }

  zerosLike(value: string): string {
    return this.graph.add("ConstantOfShape", [this.shapeTensor(value)], {
      value: filledTensor(0, this.dataType(value), [1]),
    });
  }

  keepWhere(condition: string, value: string): string {
    return this.graph.add("Where", [condition, value, this.scalar(0, value)]);
  }

  sumTo(gradient: string, target: string): string {
    return sumToShape(this, gradient, this.info(gradient)?.shape, target, this.info(target)?.shape);
  }

  refuse(reason: string): never {
    throw new ModelError(
      "autodiff.unsupported-case",
      `Expected a node with a known gradient but ${nodeLabel(this.node)} cannot be differentiated: ${reason}`,
    );
  }
}

/**
 * The context of another node of the same gradient, such as a variant of the one of `context` that a rule is to be
 * applied to. What `own` answers it answers in its stead; all else is answered by `context` and rests on those
 * answers.
 */
export function contextOf(
  context: RuleContext,
  node: Node,
  own: Pick<RuleContext, "needs" | "info" | "refuse">,
): RuleContext {
  return Object.assign(Object.create(context) as RuleContext, { node, ...own });
}
