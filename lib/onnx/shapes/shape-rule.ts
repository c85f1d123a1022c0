import { ModelError } from "../../contract/errors";
import type { DataType, Dimension, Graph, Node } from "../model";
import type { SymbolicAlgebra } from "./symbolic-algebra";

/** What is known of a value. `entries` are the elements in row-major order (booleans as 0 and 1), for small tensors whose extents are known. */
export interface Inferred {
  readonly dataType: DataType;
  readonly shape: readonly Dimension[] | undefined;
  readonly entries?: readonly Dimension[] | undefined;
}

/** Tensors beyond this are never computed at inference: what shapes depend on is smaller. */
export const mostEntries = 4096;

/** Thrown by rules when an input's type is not known; the driver then falls back on what the file says. */
export class UnknownInput extends Error {}

/** A node with what is known of its inputs. */
export class ShapeContext {
  constructor(
    readonly node: Node,
    readonly opset: number,
    readonly algebra: SymbolicAlgebra,
    private readonly lookUp: (name: string) => Inferred | undefined,
    /** Infers a sub-graph in this node's scope and returns its outputs. */
    readonly inferSubgraph: (graph: Graph) => (Inferred | undefined)[],
  ) {}

  get inputCount(): number {
    return this.node.inputs.length;
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? "") !== "";
  }

  input(index: number): Inferred {
    const known = this.optional(index);
    if (!known) throw new UnknownInput();
    return known;
  }

  optional(index: number): Inferred | undefined {
    const name = this.node.inputs[index] ?? "";
    return name === "" ? undefined : this.lookUp(name);
  }

  dataType(index: number): DataType {
    return this.input(index).dataType;
  }

  shape(index: number): readonly Dimension[] | undefined {
    return this.input(index).shape;
  }

  entries(index: number): readonly Dimension[] | undefined {
    return this.optional(index)?.entries;
  }

  /** The elements of an input when all are numbers. */
  numbers(index: number): readonly number[] | undefined {
    const entries = this.entries(index);
    return entries?.every((entry) => typeof entry === "number") ? entries : undefined;
  }

  /** An axis counted from the front. */
  axis(axis: number, rank: number): number {
    const counted = axis < 0 ? axis + rank : axis;
    if (counted >= 0 && counted < Math.max(rank, 1)) return counted;
    throw this.invalid(`an axis between ${-rank} and ${rank - 1} but found ${axis}`);
  }

  invalid(expectation: string): ModelError {
    return new ModelError(
      "model.invalid-graph",
      `Expected of node "${this.node.name}" (${this.node.operator}) ${expectation}`,
    );
  }
}

/** Types and shapes of one operator's outputs, in order; undefined where even the type is open. */
export type ShapeRule = (context: ShapeContext) => readonly (Inferred | undefined)[];

export type ShapeRules = Readonly<Record<string, ShapeRule>>;

export function unknownExtents(rank: number): null[] {
  return Array.from({ length: rank }, () => null);
}

/** The extents when all are numbers. */
export function staticShape(shape: readonly Dimension[] | undefined): readonly number[] | undefined {
  return shape?.every((extent) => typeof extent === "number") ? shape : undefined;
}

/** Equal or undecided extents: the one that says more. */
export function mergeExtents(a: Dimension, b: Dimension): Dimension {
  if (typeof a === "number") return a;
  if (typeof b === "number") return b;
  return a ?? b;
}
