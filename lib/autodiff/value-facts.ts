import { ModelError } from "../contract/errors";
import type { DataType, Dimension, Graph, Model, Node, Tensor, ValueInfo } from "../onnx/model";
import { dataTypeOfCode, isFloat } from "../onnx/data-types";
import { intAttribute, tensorAttribute } from "../onnx/attributes";

/** What is known of the values of a graph that is still growing: types, shapes and constants, looked up by name. */
export class ValueFacts {
  private readonly infos = new Map<string, ValueInfo>();
  private seen = 0;

  /** Values not in `inferred` are looked at when asked for. */
  constructor(
    private readonly graph: Graph, inferred: ReadonlyMap<string, ValueInfo>, private readonly constants: ReadonlyMap<string, Tensor>,
  ) {
    for (const [name, info] of inferred) this.infos.set(name, info);
  }

  info(name: string): ValueInfo | undefined {
    const tensor = this.graph.initializers.get(name);
    if (tensor) return { name, dataType: tensor.dataType, shape: tensor.dims };
    while (this.seen < this.graph.nodes.length) this.look(this.graph.nodes[this.seen++]);
    return this.infos.get(name);
  }

  /** As `info`, for values that must have a type; refuses those of unknown type. */
  require(name: string): ValueInfo {
    const info = this.info(name);
    if (info) return info;
    throw new ModelError("autodiff.unknown-type", `Expected a value of known type but nothing in the model tells that of "${name}"`);
  }

  /** Records a value that no node makes, or one that a forward node makes from now on. */
  declare(info: ValueInfo): void {
    this.infos.set(info.name, info);
  }

  constant(name: string): Tensor | undefined {
    return this.graph.initializers.get(name) ?? this.constants.get(name);
  }

  /** Whether derivatives can flow through a value: its type is a float, or not known. */
  isDifferentiable(name: string): boolean {
    const info = this.info(name);
    return !info || isFloat(info.dataType);
  }

  private look(node: Node | undefined): void {
    if (!node) return;
    const dataType = resultType(node, (name) => this.info(name)?.dataType);
    const shape = resultShape(node, (name) => this.info(name)?.shape);
    for (const name of node.outputs) if (name && dataType && !this.infos.has(name)) this.infos.set(name, { name, dataType, shape });
  }
}

const logical = new Set(["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "And", "Or", "Xor", "Not"]);
const counting = new Set(["Shape", "Size", "NonZero", "ArgMax", "ArgMin"]);
const elementwise = new Set([
  "Abs", "Add", "And", "Cast", "Cos", "Cosh", "Div", "Equal", "Exp", "Floor", "Greater", "GreaterOrEqual", "HardSigmoid", "Identity", "Less",
  "LessOrEqual", "Log", "Max", "Min", "Mul", "Neg", "Not", "Or", "Pow", "Reciprocal", "Relu", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Sqrt",
  "Sub", "Sum", "Tanh", "Where",
]);

/** The first output's type, for the operators that rules emit. */
function resultType(node: Node, typeOf: (name: string) => DataType | undefined): DataType | undefined {
  if (node.operator === "Cast") return dataTypeOfCode(intAttribute(node, "to", 1));
  if (node.operator === "ConstantOfShape") return tensorAttribute(node, "value")?.dataType ?? "float32";
  if (logical.has(node.operator)) return "bool";
  if (counting.has(node.operator)) return "int64";
  return typeOf(node.inputs[node.operator === "Where" ? 1 : 0] ?? "");
}

function resultShape(node: Node, shapeOf: (name: string) => readonly Dimension[] | undefined): readonly Dimension[] | undefined {
  return elementwise.has(node.operator) ? broadcastShapes(node.inputs.map(shapeOf)) : undefined;
}

/** The broadcast of shapes, null where two unknown extents meet; undefined when a rank is unknown. */
export function broadcastShapes(shapes: readonly (readonly Dimension[] | undefined)[]): readonly Dimension[] | undefined {
  const known = shapes.filter((shape) => shape !== undefined);
  if (known.length < shapes.length) return undefined;
  const rank = Math.max(...known.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const extents = new Set(known.map((shape) => shape[axis - rank + shape.length] ?? (axis - rank + shape.length < 0 ? 1 : null)));
    const fixed = [...extents].find((extent) => typeof extent === "number" && extent !== 1);
    if (fixed !== undefined) return fixed;
    extents.delete(1);
    const [extent, ...others] = [...extents];
    return extent === undefined ? 1 : others.length ? null : extent;
  });
}

/** The facts of a model's values, from its own declarations. */
export function factsOf(model: Model): ValueFacts {
  const { graph } = model;
  const known = new Map(graph.valueInfo);
  for (const info of [...graph.outputs, ...graph.inputs]) known.set(info.name, info);
  return new ValueFacts(graph, known, new Map());
}
