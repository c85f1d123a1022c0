import { toAttribute, type AttributeValue } from "./attributes";
import type { Graph, Node, Tensor } from "./model";
import { float32Tensor, int64Tensor } from "./tensor";

const smallestUnshared = 64;

/** Appends nodes and initialisers to a graph under fresh names. Small equal constants are shared. */
export class GraphBuilder {
  private readonly taken = new Set<string>();
  private readonly counters = new Map<string, number>();
  private readonly constants = new Map<string, string>();

  /** `prefix` begins the name of everything added, so that it can be told from what was there. */
  constructor(
    readonly graph: Graph,
    private readonly prefix = "",
  ) {
    for (const { name } of [...graph.inputs, ...graph.outputs]) this.taken.add(name);
    for (const name of graph.initializers.keys()) this.taken.add(name);
    for (const node of graph.nodes) {
      this.taken.add(node.name);
      for (const name of [...node.inputs, ...node.outputs]) this.taken.add(name);
    }
  }

  /** A name that nothing in the graph has yet, built on the prefix and `stem`. */
  freshName(stem: string): string {
    return this.claimName(this.prefix + stem);
  }

  /** `base` itself where it is free, else the first of `base_1`, `base_2`, …; taken from now on. */
  claimName(base: string): string {
    for (let count = this.counters.get(base) ?? 0; ; count++) {
      const name = count === 0 ? base : `${base}_${count}`;
      if (this.taken.has(name)) continue;
      this.counters.set(base, count + 1);
      this.taken.add(name);
      return name;
    }
  }

  /** Adds a node with one output and returns that output's name. */
  add(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue> = {},
    output?: string,
  ): string {
    return this.append(operator, inputs, attributes, [output ?? this.freshName(operator)]).outputs[0] as string;
  }

  /** Adds a node with several outputs and returns their names. */
  addMany(
    operator: string,
    inputs: readonly string[],
    outputCount: number,
    attributes: Record<string, AttributeValue> = {},
  ): string[] {
    const outputs = Array.from({ length: outputCount }, () => this.freshName(operator));
    return this.append(operator, inputs, attributes, outputs).outputs;
  }

  private append(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue>,
    outputs: string[],
  ): Node {
    const node: Node = {
      name: `${outputs[0]}/node`,
      operator,
      domain: "",
      inputs: [...inputs],
      outputs,
      attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, toAttribute(value)])),
    };
    for (const output of outputs) this.taken.add(output);
    this.graph.nodes.push(node);
    return node;
  }

  /** Adds an initialiser (or finds an equal small one) and returns its name. */
  constant(tensor: Tensor, stem = "constant"): string {
    const key =
      tensor.data.length < smallestUnshared
        ? `${tensor.dataType}|${tensor.dims.join()}|${Array.from(tensor.data as ArrayLike<unknown>, (x) => (Object.is(x, -0) ? "-0" : String(x))).join("\u0000")}`
        : undefined;
    const known = key === undefined ? undefined : this.constants.get(key);
    if (known !== undefined) return known;
    const name = this.freshName(stem);
    this.graph.initializers.set(name, tensor);
    if (key !== undefined) this.constants.set(key, name);
    return name;
  }

  float32(data: number | readonly number[] | Float32Array, dims?: readonly number[]): string {
    return this.constant(float32Tensor(data, dims));
  }

  int64(data: number | readonly number[], dims?: readonly number[]): string {
    return this.constant(int64Tensor(data, dims));
  }
}
