import type { Dimension, Graph, Model, Node, Tensor, ValueInfo } from "./model";
import { entriesOf, tensorOf } from "./shapes/entries";
import { constantOf } from "./shapes/indexing";
import { type Inferred, mergeExtents, mostEntries, ShapeContext, staticShape, UnknownInput } from "./shapes/shape-rule";
import { shapeRule } from "./shapes/shape-rules";
import { SymbolicAlgebra } from "./shapes/symbolic-algebra";
import { valueRules } from "./shapes/value-rules";
import { elementCount } from "./tensor";

export interface InferredValues {
  /** Type and shape of every value whose type is known, graph inputs and initialisers included. */
  readonly types: Map<string, ValueInfo>;
  /** Values that do not depend on the inputs' elements: initialisers, Constant nodes, and small tensors computed from extents. */
  readonly constants: Map<string, Tensor>;
}

/**
 * Types and shapes of every value of the graph, by name (not those inside sub-graphs). Symbols of the inputs survive, also in
 * arithmetic ("2*batch"); null stands for what depends on data or on an operator not known here.
 * @throws ModelError model.invalid-graph when an operator cannot take what it is given
 */
export function inferShapes(model: Model): Map<string, ValueInfo> {
  return inferValues(model).types;
}

/**
 * Types as `inferShapes` finds them, and the values that are constant.
 * @throws ModelError model.invalid-graph when an operator cannot take what it is given
 */
export function inferValues(model: Model): InferredValues {
  const inference = new Inference(model.opsets.get("") ?? 0);
  inference.run(model.graph);
  const types = new Map<string, ValueInfo>();
  for (const [name, { dataType, shape }] of inference.values) types.set(name, { name, dataType, shape });
  for (const [name, value] of inference.values) {
    const tensor = inference.constants.has(name) ? undefined : tensorOf(value);
    if (tensor) inference.constants.set(name, tensor);
  }
  return { types, constants: inference.constants };
}

/** An inference that can go on while its graph grows. */
export class Inference {
  readonly values = new Map<string, Inferred>();
  readonly constants = new Map<string, Tensor>();

  constructor(
    private readonly opset: number,
    private readonly algebra = new SymbolicAlgebra(),
    private readonly outer?: Inference,
  ) {}

  run(graph: Graph): void {
    for (const { name, dataType, shape } of graph.inputs) this.values.set(name, { dataType, shape });
    for (const [name, tensor] of graph.initializers) this.setConstant(name, tensor);
    const declared = new Map([...graph.valueInfo, ...graph.outputs.map((value) => [value.name, value] as const)]);
    for (const node of graph.nodes) this.visit(node, declared);
  }

  /** Infers the outputs of a node whose inputs were visited or declared before. */
  visit(node: Node, declared?: ReadonlyMap<string, ValueInfo>): void {
    const inferred = this.infer(node);
    node.outputs.forEach((name, index) => {
      const value = merge(inferred[index], declared?.get(name));
      if (name !== "" && value) this.values.set(name, withPossibleExtents(value));
    });
  }

  /** The tensor a value holds whatever the inputs are, where that is known. */
  constant(name: string): Tensor | undefined {
    const known = this.constants.get(name);
    const value = known ? undefined : this.values.get(name);
    return known ?? (value && tensorOf(value));
  }

  private infer(node: Node): readonly (Inferred | undefined)[] {
    if (node.domain !== "") return [];
    if (node.operator === "Constant") {
      const tensor = constantOf(node);
      const [name = ""] = node.outputs;
      if (tensor && name !== "") this.setConstant(name, tensor);
      return [this.values.get(name)];
    }
    const rule = shapeRule(node.operator);
    if (!rule) return [];
    const context = new ShapeContext(
      node,
      this.opset,
      this.algebra,
      (name) => this.lookUp(name),
      (graph) => this.inferSubgraph(graph),
    );
    try {
      return rule(context).map(
        (output, index) => output && { ...output, entries: output.entries ?? entries(context, output, index) },
      );
    } catch (error) {
      if (error instanceof UnknownInput) return [];
      throw error;
    }
  }

  private lookUp(name: string): Inferred | undefined {
    return this.values.get(name) ?? this.outer?.lookUp(name);
  }

  private inferSubgraph(graph: Graph): (Inferred | undefined)[] {
    const inner = new Inference(this.opset, this.algebra, this);
    inner.run(graph);
    return graph.outputs.map(({ name }) => inner.lookUp(name));
  }

  setConstant(name: string, tensor: Tensor): void {
    this.constants.set(name, tensor);
    this.values.set(name, { dataType: tensor.dataType, shape: tensor.dims, entries: entriesOf(tensor) });
  }
}

function entries(context: ShapeContext, output: Inferred, index: number): Inferred["entries"] {
  const rule = valueRules[context.node.operator];
  const dims = staticShape(output.shape);
  if (!rule || !dims || elementCount(dims) > mostEntries) return undefined;
  const found = rule(context, dims, output, index);
  return found?.length === elementCount(dims) ? found : undefined;
}

function isImpossible(extent: Dimension): boolean {
  return typeof extent === "number" && !(Number.isSafeInteger(extent) && extent >= 0);
}

/** Extents that no tensor can have (a scale gone wild, a window larger than its image) count as unknown: running the graph will tell. */
function withPossibleExtents(value: Inferred): Inferred {
  return value.shape?.some(isImpossible)
    ? { dataType: value.dataType, shape: value.shape.map((extent) => (isImpossible(extent) ? null : extent)) }
    : value;
}

/** What was inferred, completed by what the file says. */
function merge(inferred: Inferred | undefined, declared: ValueInfo | undefined): Inferred | undefined {
  if (!inferred || !declared) return inferred ?? declared;
  if (!inferred.shape || inferred.shape.length !== declared.shape?.length)
    return inferred.shape ? inferred : { ...inferred, shape: declared.shape };
  const shape = inferred.shape.map((extent, axis) =>
    typeof extent === "string" ? extent : mergeExtents(extent, declared.shape?.[axis] ?? null),
  );
  return { ...inferred, shape };
}
