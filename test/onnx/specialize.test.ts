import { readFileSync } from "node:fs";
import path from "node:path";
import { foldConstants } from "../../lib/onnx/fold-constants";
import { GraphBuilder } from "../../lib/onnx/graph-builder";
import type { Dimension, Graph, Model } from "../../lib/onnx/model";
import { prune } from "../../lib/onnx/prune";
import { readModel } from "../../lib/onnx/read-model";
import { specialize } from "../../lib/onnx/specialize";
import { float32Tensor } from "../../lib/onnx/tensor";
import { validate } from "../../lib/onnx/validate";
import { writeModel } from "../../lib/onnx/write-model";
import { describeWithReference } from "../reference";
import { modelFiles, oracleInputs } from "./oracle";
import { difference, runModel } from "./runtime";

const shapeArithmetic = new Set(["Shape", "Size", "ConstantOfShape", "Constant", "Identity", "Dropout", "Range"]);

function emptyModel(inputShape: readonly Dimension[], build: (graph: GraphBuilder) => void): Model {
  const graph: Graph = {
    name: "g",
    nodes: [],
    inputs: [{ name: "x", dataType: "float32", shape: inputShape }],
    outputs: [{ name: "y", dataType: "float32", shape: undefined }],
    initializers: new Map(),
    valueInfo: new Map(),
  };
  build(new GraphBuilder(graph));
  return {
    irVersion: 10,
    producerName: "",
    producerVersion: "",
    opsets: new Map([["", 18]]),
    graph,
    metadata: new Map(),
  };
}

function operators(model: Model): string[] {
  return model.graph.nodes.map(({ operator }) => operator);
}

function branch(operator: string, name: string): Graph {
  return {
    name,
    nodes: [{ name, operator, domain: "", inputs: ["x"], outputs: [`${name}/out`], attributes: {} }],
    inputs: [],
    outputs: [{ name: `${name}/out`, dataType: "float32", shape: undefined }],
    initializers: new Map(),
    valueInfo: new Map(),
  };
}

describeWithReference("specialising networks of other exporters", (reference) => {
  test.each(["foreign", "mini"])(
    "every model of oracle/%s: same outputs, no shape arithmetic, input untouched",
    async (group) => {
      for (const file of modelFiles(path.join(reference, "oracle", group))) {
        const bytes = new Uint8Array(readFileSync(file));
        const model = readModel(bytes);
        const before = writeModel(model);
        const feeds = oracleInputs(file, model.graph.inputs);
        const special = specialize(model, Object.fromEntries([...feeds].map(([name, { dims }]) => [name, dims])));
        expect(Buffer.compare(writeModel(model), before)).toBe(0);
        validate(special);
        expect([file, operators(special).filter((operator) => shapeArithmetic.has(operator))]).toEqual([file, []]);
        for (const { shape } of [...special.graph.outputs, ...special.graph.valueInfo.values()])
          expect(shape?.every((extent) => typeof extent === "number")).toBe(true);
        const [expected, received] = [await runModel(bytes, feeds), await runModel(special, feeds)];
        for (const [name, output] of expected)
          expect([file, difference(received.get(name)!, output)]).toEqual([file, 0]);
      }
    },
  );
});

describe("specialising", () => {
  const dynamic = emptyModel(["batch", 3, "height", "width"], (graph) => {
    const shape = graph.add("Shape", ["x"]);
    const batch = graph.add("Gather", [shape, graph.int64(0)]);
    const target = graph.add("Concat", [graph.add("Unsqueeze", [batch, graph.int64([0])]), graph.int64([-1])], {
      axis: 0,
    });
    graph.add("Reshape", ["x", target], {}, "y");
  });

  test("symbols and shapes may be mixed; contradictions and unknown names are named", () => {
    expect(specialize(dynamic, { batch: 2 }).graph.outputs[0]?.shape).toEqual([2, "3*height*width"]);
    expect(specialize(dynamic, { x: [2, 3, 4, 5], height: 4 }).graph.outputs[0]?.shape).toEqual([2, 60]);
    for (const [extents, reason] of [
      [{ depth: 3 }, '"batch", "height", "width"'],
      [{ z: [1] }, '"x"'],
      [{ x: [1, 3, 4] }, "4 extents"],
      [{ x: [1, 4, 4, 4] }, "Expected 3 as extent 1"],
      [{ x: [1, 3, 4, 4], batch: 2 }, 'symbol "batch"'],
      [{ batch: -1 }, "non-negative"],
      [{ batch: 1.5 }, "whole"],
    ] as const) {
      expect(() => specialize(dynamic, extents)).toThrow(
        expect.objectContaining({ code: "model.invalid-extents", message: expect.stringContaining(reason) }),
      );
    }
  });

  test("a decided If gives way to its branch", async () => {
    const model = emptyModel(["n"], (graph) => {
      const condition = graph.add("Equal", [
        graph.add("Gather", [graph.add("Shape", ["x"]), graph.int64(0)]),
        graph.int64(3),
      ]);
      const chosen = graph.add("If", [condition], {
        then_branch: { kind: "graph", value: branch("Neg", "negated") },
        else_branch: { kind: "graph", value: branch("Abs", "absolute") },
      });
      graph.add("Relu", [chosen], {}, "y");
    });
    expect(operators(specialize(model, { n: 3 }))).toEqual(["Neg", "Relu"]);
    expect(operators(specialize(model, { n: 2 }))).toEqual(["Abs", "Relu"]);
    const feeds = new Map([["x", { dims: [3], data: Float32Array.of(-1, 0, 2) }]]);
    expect(await runModel(specialize(model, { n: 3 }), feeds)).toEqual(await runModel(model, feeds));
  });

  test("what changes nothing goes, outputs keep their names", async () => {
    const model = emptyModel([2, 3], (graph) => {
      const same = graph.add("Identity", [graph.add("Dropout", ["x"])]);
      const cast = graph.add("Cast", [graph.add("Reshape", [same, graph.int64([2, 3])])], { to: 1 });
      const flipped = graph.add("Slice", [
        cast,
        graph.int64([-1]),
        graph.int64([-100]),
        graph.int64([1]),
        graph.int64([-1]),
      ]);
      graph.add("Abs", ["x"]);
      graph.add("Identity", [graph.add("Sum", [graph.add("Relu", [flipped])])], {}, "y");
    });
    const folded = foldConstants(model);
    expect(operators(folded)).toEqual(["Slice", "Relu"]);
    expect(folded.graph.nodes.at(-1)?.outputs).toEqual(["y"]);
    const feeds = new Map([["x", { dims: [2, 3], data: Float32Array.of(-1, 0, 2, 3, -4, 5) }]]);
    expect(await runModel(folded, feeds)).toEqual(await runModel(model, feeds));
  });
});

describe("pruning", () => {
  test("keeps what the chosen outputs need, and leaves the model alone", () => {
    const model = emptyModel([2], (graph) => {
      const used = graph.add("Add", ["x", graph.float32([1, 2])], {}, "sum");
      graph.add("Mul", [used, graph.constant(float32Tensor([3, 4]), "scale")], {}, "y");
    });
    const before = writeModel(model);
    const pruned = prune(model, ["sum"]);
    expect(operators(pruned)).toEqual(["Add"]);
    expect([...pruned.graph.initializers.keys()]).toHaveLength(1);
    expect(pruned.graph.outputs).toEqual([{ name: "sum", dataType: "float32", shape: [2] }]);
    expect(Buffer.compare(writeModel(model), before)).toBe(0);
    expect(() => prune(model, ["nothing"])).toThrow(expect.objectContaining({ code: "model.unknown-output" }));
  });
});
