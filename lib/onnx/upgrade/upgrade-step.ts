import { ModelError } from "../../contract/errors";
import type { GraphBuilder } from "../graph-builder";
import { arrayOf } from "../data-types";
import type { DataType, Dimension, Node, Tensor, ValueInfo } from "../model";
import { elementCount } from "../tensor";

/** One node on its way to a newer (or, beyond 21, an older) operator set. */
export class UpgradeStep {
  constructor(
    /** A copy that may be changed and returned. */
    readonly node: Node,
    /** The operator set the node was written for. */
    readonly opset: number,
    readonly target: number,
    /** Where further nodes and constants go; they must already be of the target's form. */
    readonly graph: GraphBuilder,
    private readonly types: ReadonlyMap<string, ValueInfo>,
    private readonly constants: ReadonlyMap<string, Tensor>,
    private readonly used: ReadonlySet<string>,
  ) {}

  has(index: number): boolean {
    return (this.node.inputs[index] ?? "") !== "";
  }

  input(index: number): string {
    const name = this.node.inputs[index] ?? "";
    return name === "" ? this.refuse(`input ${index} is missing`) : name;
  }

  output(index = 0): string {
    return this.node.outputs[index] ?? "";
  }

  /** Whether anyone reads this output. */
  isUsed(index: number): boolean {
    return this.used.has(this.output(index));
  }

  dataType(index: number): DataType {
    return (
      this.types.get(this.input(index))?.dataType ?? this.refuse(`the type of "${this.input(index)}" is not known`)
    );
  }

  shape(index: number): readonly Dimension[] | undefined {
    return this.types.get(this.node.inputs[index] ?? "")?.shape;
  }

  constant(index: number): Tensor | undefined {
    return this.constants.get(this.node.inputs[index] ?? "");
  }

  /** A floating-point constant of the type of an input: half precisions are rounded on the way by a Cast. */
  float(value: number | readonly number[], index: number, dims?: readonly number[]): string {
    const dataType = this.dataType(index);
    if (dataType === "float16" || dataType === "bfloat16") {
      return this.graph.add("Cast", [this.graph.float32(value, dims)], { to: dataType === "float16" ? 10 : 16 });
    }
    if (dataType === "string") return this.refuse("numbers are needed and strings are given");
    const values = typeof value === "number" ? [value] : value;
    const shape = dims ?? (typeof value === "number" ? [] : [values.length]);
    const data = new (arrayOf(dataType))(elementCount(shape));
    values.forEach((entry, at) => {
      data[at] = data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(Math.trunc(entry)) : entry;
    });
    return this.graph.constant({ dataType, dims: shape, data });
  }

  /** The node without some attributes. */
  without(...names: readonly string[]): Node {
    const attributes = Object.fromEntries(
      Object.entries(this.node.attributes).filter(([name]) => !names.includes(name)),
    );
    return { ...this.node, attributes };
  }

  refuse(reason: string): never {
    throw new ModelError(
      "model.unsupported-operator",
      `Expected operators that can be brought from operator set ${this.opset} to ${this.target}, but node "${this.node.name || this.output()}" (${this.node.operator}) cannot: ${reason}`,
    );
  }
}

/** Returns the node to keep, changed or not, or undefined when emitted nodes have taken its place (under its outputs' names). */
export type UpgradeRule = (step: UpgradeStep) => Node | undefined;

/** A change of meaning in operator set `since`: `apply` rewrites what was written before it. */
export interface Upgrade {
  readonly since: number;
  readonly apply: UpgradeRule;
}
