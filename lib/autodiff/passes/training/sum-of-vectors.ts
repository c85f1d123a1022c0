import type { Node } from "../../../onnx/model";
import { Rewriting, type Pass } from "../rewriting";

/**
 * A chain of Adds of vectors becomes one Sum: of a few numbers a channel, adding costs less than calling an operator. Features of a dense
 * block gather such vectors from every layer after them.
 */
export const sumOfVectors: Pass = (model) => {
  const rewriting = new Rewriting(model, "sum");
  for (const node of rewriting.nodes("Add").toReversed()) {
    if (!addsVectors(rewriting, node) || rewriting.producer(node.outputs[0]) !== node) continue;
    const chain: Node[] = [];
    const summands = summandsOf(rewriting, node, chain);
    if (chain.length < 2) continue;
    for (const link of chain) rewriting.remove(link);
    rewriting.builder.add("Sum", summands, {}, node.outputs[0]);
  }
  return rewriting.finish();
};

/** What a tree of Adds that nobody else reads adds up; its nodes are put into `chain`. */
function summandsOf(rewriting: Rewriting, node: Node, chain: Node[]): string[] {
  chain.push(node);
  return node.inputs.flatMap((name) => {
    const before = rewriting.ownProducer(name, "Add");
    return before && addsVectors(rewriting, before) ? summandsOf(rewriting, before, chain) : [name];
  });
}

function addsVectors(rewriting: Rewriting, { inputs, outputs }: Node): boolean {
  const shape = rewriting.shape(outputs[0]);
  return shape?.length === 1 && inputs.every((name) => rewriting.shape(name)?.join() === shape.join());
}
