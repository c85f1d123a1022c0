import { GraphBuilder } from "../../onnx/graph-builder";
import { Inference } from "../../onnx/infer-shapes";
import type { Graph, Model, Node, Tensor, ValueInfo } from "../../onnx/model";
import { prune } from "../../onnx/prune";
import { usedNames } from "../../onnx/references";
import { float32Tensor } from "../../onnx/tensor";
import { workingCopy } from "../working-copy";

/** A pass: the same function by other nodes. Names of inputs and outputs stay, and so do the outputs' values up to rounding. */
export type Pass = (model: Model) => Model;

export function applyPasses(model: Model, passes: readonly Pass[]): Model {
  return passes.reduce((current, pass) => pass(current), model);
}

/**
 * A copy of a graph under change. Nodes may be added and removed in any order; `finish` sorts them, leaves out what
 * nobody reads any more and infers the types of what is new.
 */
export class Rewriting {
  readonly graph: Graph;
  readonly builder: GraphBuilder;
  private readonly model: Model;
  private readonly producers = new Map<string, Node>();
  private readonly readers = new Map<string, Set<Node>>();
  private readonly outputs: ReadonlySet<string>;
  private readonly removed = new Set<Node>();
  private indexed = 0;
  private changed = false;

  constructor(model: Model, prefix: string) {
    this.model = workingCopy(model);
    this.graph = this.model.graph;
    this.builder = new GraphBuilder(this.graph, `${prefix}/`);
    this.outputs = new Set(this.graph.outputs.map(({ name }) => name));
    this.index();
  }

  /** The nodes present now, in order. */
  nodes(operator?: string): Node[] {
    this.index();
    return this.graph.nodes.filter(
      (node) =>
        !this.removed.has(node) && (operator === undefined || (node.operator === operator && node.domain === "")),
    );
  }

  producer(name: string | undefined): Node | undefined {
    this.index();
    return name === undefined ? undefined : this.producers.get(name);
  }

  readersOf(name: string): readonly Node[] {
    this.index();
    return [...(this.readers.get(name) ?? [])];
  }

  /** The node that makes a value which is read exactly once, and no output; else undefined. */
  ownProducer(name: string | undefined, operator?: string): Node | undefined {
    const node = this.producer(name);
    if (!node || name === undefined || (operator !== undefined && node.operator !== operator) || node.domain !== "")
      return undefined;
    return this.isReadOnce(name) && node.outputs.filter((output) => output !== "").length === 1 ? node : undefined;
  }

  isReadOnce(name: string): boolean {
    if (this.outputs.has(name)) return false;
    const [reader, ...others] = this.readersOf(name);
    return reader !== undefined && others.length === 0 && reader.inputs.filter((input) => input === name).length === 1;
  }

  isOutput(name: string): boolean {
    return this.outputs.has(name);
  }

  constant(name: string | undefined): Tensor | undefined {
    const tensor = name === undefined ? undefined : this.graph.initializers.get(name);
    return tensor?.dataType === "float32" ? tensor : undefined;
  }

  info(name: string | undefined): ValueInfo | undefined {
    return name === undefined
      ? undefined
      : (this.graph.valueInfo.get(name) ??
          [...this.graph.inputs, ...this.graph.outputs].find((info) => info.name === name));
  }

  /** All extents, when known. */
  shape(name: string | undefined): readonly number[] | undefined {
    const shape = this.info(name)?.shape;
    return shape?.every((extent) => typeof extent === "number") ? (shape as readonly number[]) : undefined;
  }

  weights(data: Float32Array, dims: readonly number[], stem: string): string {
    return this.builder.constant(float32Tensor(data, dims), stem);
  }

  remove(node: Node): void {
    this.index();
    this.changed = true;
    this.removed.add(node);
    for (const name of usedNames(node)) this.readers.get(name)?.delete(node);
    for (const name of node.outputs) if (this.producers.get(name) === node) this.producers.delete(name);
  }

  /** Makes a node read other values than before, position by position. */
  setInputs(node: Node, inputs: readonly string[]): void {
    this.index();
    this.changed = true;
    for (const name of usedNames(node)) this.readers.get(name)?.delete(node);
    node.inputs = [...inputs];
    this.indexReads(node);
  }

  /** Makes a node read `to` wherever it read `from`. */
  replaceInput(node: Node, from: string, to: string): void {
    this.setInputs(
      node,
      node.inputs.map((name) => (name === from ? to : name)),
    );
  }

  finish(): Model {
    if (!this.changed && this.removed.size === 0) return this.model;
    this.graph.nodes = inOrder(this.nodes());
    const pruned = prune(this.model);
    inferWhatIsNew(pruned);
    return pruned;
  }

  private index(): void {
    for (; this.indexed < this.graph.nodes.length; this.indexed++) {
      const node = this.graph.nodes[this.indexed];
      if (!node) continue;
      for (const name of node.outputs) if (name !== "") this.producers.set(name, node);
      this.indexReads(node);
    }
  }

  private indexReads(node: Node): void {
    for (const name of usedNames(node)) {
      const readers = this.readers.get(name);
      if (readers) readers.add(node);
      else this.readers.set(name, new Set([node]));
    }
  }
}

function inferWhatIsNew({ graph, opsets }: Model): void {
  const inference = new Inference(opsets.get("") ?? 0);
  for (const { name, dataType, shape } of [...graph.inputs, ...graph.valueInfo.values()])
    inference.values.set(name, { dataType, shape });
  for (const [name, tensor] of graph.initializers) inference.setConstant(name, tensor);
  for (const node of graph.nodes) {
    if (node.outputs.every((name) => name === "" || graph.valueInfo.has(name))) continue;
    inference.visit(node);
    for (const name of node.outputs) {
      const type = inference.values.get(name);
      if (type) graph.valueInfo.set(name, { name, dataType: type.dataType, shape: type.shape });
    }
  }
}

/** Topological order, as near to the given one as it goes. */
function inOrder(nodes: readonly Node[]): Node[] {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const done = new Set<Node>();
  const ordered: Node[] = [];
  for (const start of nodes) {
    const stack: { node: Node; entered: boolean }[] = [{ node: start, entered: false }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { node, entered } = top;
      if (done.has(node)) continue;
      if (entered) {
        done.add(node);
        ordered.push(node);
        continue;
      }
      stack.push({ node, entered: true });
      for (const name of usedNames(node)) {
        const source = producers.get(name);
        if (source && !done.has(source)) stack.push({ node: source, entered: false });
      }
    }
  }
  return ordered;
}
