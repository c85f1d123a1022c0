import { ModelError } from "../contract/errors";
import { isFloat } from "../onnx/data-types";
import { Inference } from "../onnx/infer-shapes";
import type { Graph, Model, Tensor, ValueInfo } from "../onnx/model";

/** What is known of the values of a graph that is still growing: types, shapes and constants, looked up by name. */
export class ValueFacts {
  private readonly graph: Graph;
  private readonly inference: Inference;
  private visited: number;

  constructor({ graph, opsets }: Model) {
    this.graph = graph;
    this.inference = new Inference(opsets.get("") ?? 0);
    this.inference.run(graph);
    this.visited = graph.nodes.length;
  }

  info(name: string): ValueInfo | undefined {
    this.catchUp();
    this.catchUpWith(name);
    const known = this.inference.values.get(name);
    return known && { name, dataType: known.dataType, shape: known.shape };
  }

  /** As `info`, for values that must have a type; refuses those of unknown type. */
  require(name: string): ValueInfo {
    const info = this.info(name);
    if (info) return info;
    throw new ModelError(
      "autodiff.unknown-type",
      `Expected a value of known type but nothing in the model tells that of "${name}"`,
    );
  }

  /** Records a value that no node makes, or what is known better of one. */
  declare({ name, dataType, shape }: ValueInfo): void {
    this.catchUp();
    this.inference.values.set(name, { dataType, shape });
  }

  /** The tensor a value holds whatever the inputs are: an initialiser, or what folds to a constant. */
  constant(name: string): Tensor | undefined {
    this.catchUp();
    return this.graph.initializers.get(name) ?? this.inference.constant(name);
  }

  /** Whether derivatives can flow through a value: its type is a float, or not known. */
  isDifferentiable(name: string): boolean {
    const info = this.info(name);
    return !info || isFloat(info.dataType);
  }

  /** Visits the nodes added since the last time. */
  private catchUp(): void {
    for (const node of this.graph.nodes.slice(this.visited)) {
      for (const input of node.inputs) this.catchUpWith(input);
      this.inference.visit(node);
    }
    this.visited = this.graph.nodes.length;
  }

  private catchUpWith(name: string): void {
    const tensor = this.inference.values.has(name) ? undefined : this.graph.initializers.get(name);
    if (tensor) this.inference.setConstant(name, tensor);
  }
}
