import { float, floatAttribute } from "../onnx/attributes";
import type { GraphBuilder } from "../onnx/graph-builder";
import type { Node } from "../onnx/model";
import type { NetworkDefinition } from "../networks/network";

/**
 * Lets every BatchNormalization in training return mean and variance of the batch (momentum 0), which its gradient needs too, and moves
 * the running statistics beside it: next = k old + (1 − k) of the batch. PyTorch takes the unbiased variance for that, n / (n − 1) times
 * as large, n the values of a channel in the batch. Returns the output with the next value of each running statistic.
 */
export function emitStatistics(builder: GraphBuilder, network: NetworkDefinition): ReadonlyMap<string, string> {
  const { graph } = builder;
  const forward = graph.nodes.splice(0);
  const moving: { node: Node; nextOutputs: readonly string[]; running: readonly string[]; kept: number }[] = [];
  for (const node of forward) {
    const [output = "", ...nextOutputs] = node.outputs;
    if (node.operator === "BatchNormalization" && nextOutputs.length === 2) {
      const running = node.inputs.slice(3);
      moving.push({ node, nextOutputs, running, kept: floatAttribute(node, "momentum", 0.9) });
      // onnxruntime writes these outputs over inputs 3 and 4, whoever else reads those: each node gets vectors of its own.
      node.inputs.splice(3, 2, ...running.map((name) => builder.add("Mul", [name, builder.float32(0)])));
      node.outputs = [output, ...running.map((name) => builder.freshName(`${name}.batch`))];
      node.attributes["momentum"] = float(0);
    }
    graph.nodes.push(node);
  }
  for (const kept of new Set(moving.map((one) => one.kept))) {
    const alike = moving.filter((one) => one.kept === kept);
    const share = builder.float32(1 - kept);
    const moved = alike.flatMap(
      ({
        node: {
          inputs: [x = "", gamma = ""],
          outputs: [, mean = "", variance = ""],
        },
        nextOutputs,
        running,
      }) => [
        { old: running[0] ?? "", ofBatch: mean, next: nextOutputs[0] ?? "" },
        {
          old: running[1] ?? "",
          ofBatch: builder.add("Mul", [variance, unbiasing(builder, x, gamma)]),
          next: nextOutputs[1] ?? "",
        },
      ],
    );
    moveTogether(builder, moved, builder.float32(kept), share);
  }
  return new Map(network.runningStatistics.map(({ parameter, nextOutput }) => [parameter, nextOutput]));
}

/** next = k old + (1 − k) of the batch for many vectors as one: a handful of nodes instead of three a vector. */
function moveTogether(
  builder: GraphBuilder,
  moved: readonly { old: string; ofBatch: string; next: string }[],
  kept: string,
  share: string,
): void {
  const joined = (vectors: readonly string[]): string => builder.add("Concat", vectors, { axis: 0 });
  const next = builder.add("Add", [
    builder.add("Mul", [joined(moved.map(({ old }) => old)), kept]),
    builder.add("Mul", [joined(moved.map(({ ofBatch }) => ofBatch)), share]),
  ]);
  const lengths = moved.map(
    ({ next: name }) => builder.graph.outputs.find((output) => output.name === name)?.shape?.[0],
  );
  const split = builder.addMany("Split", [next, builder.int64(lengths.map(Number))], moved.length, { axis: 0 });
  moved.forEach(({ next: name }, index) => builder.add("Identity", [split[index] ?? ""], {}, name));
}

/** n / (n − 1) of the n values that a BatchNormalization of x averages for a channel. */
function unbiasing(builder: GraphBuilder, x: string, gamma: string): string {
  const count = (name: string): string => builder.add("Cast", [builder.add("Size", [name])], { to: onnxFloat });
  const values = builder.add("Div", [count(x), count(gamma)]);
  return builder.add("Div", [values, builder.add("Sub", [values, builder.float32(1)])]);
}

/** FLOAT in onnx.proto's enumeration of data types. */
const onnxFloat = 1;
