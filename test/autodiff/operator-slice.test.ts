import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { differentiate } from "../../lib/autodiff/differentiate";
import type { Attribute, Model, Tensor, ValueInfo } from "../../lib/onnx/model";
import { projectRoot } from "../reference";
import { expectClose, runModel, tensorOf } from "./run-model";

interface StoredTensor {
  readonly dataType: Parameters<typeof tensorOf>[0];
  readonly dims: number[];
  readonly data: (number | string)[];
}

interface StoredCase {
  readonly name: string;
  readonly opset: number;
  readonly differentiable: string[];
  readonly tolerance: number;
  readonly inputs: ValueInfo[];
  readonly outputs: ValueInfo[];
  readonly nodes: { operator: string; inputs: string[]; outputs: string[]; attributes: Record<string, Attribute> }[];
  readonly initializers: Record<string, StoredTensor>;
  readonly values: Record<string, StoredTensor>;
}

// written by scripts/make-operator-slice.mjs from float64 references
const folder = path.join(projectRoot, "test", "fixtures", "operators");

describe.each(readdirSync(folder).map((file) => path.parse(file).name))("stored cases of %s", (operator) => {
  const cases = JSON.parse(readFileSync(path.join(folder, `${operator}.json`), "utf8")) as StoredCase[];

  test.each(cases.map((entry) => [entry.name, entry] as const))("%s", async (_name, entry) => {
    const values = (kind: string, prefix = ""): Record<string, Tensor> =>
      Object.fromEntries(
        Object.entries(entry.values)
          .filter(([name]) => name.startsWith(`${kind}/`))
          .map(([name, stored]) => [prefix + name.slice(kind.length + 1), toTensor(stored)]),
      );
    const cotangents = values("cotangent", "d_");

    const differentiated = differentiate(modelOf(entry), {
      outputs: Object.keys(cotangents).map((name) => name.slice(2)),
      wrt: entry.differentiable,
    });
    expect([18, 19, 20, 21]).toContain(differentiated.opsets.get(""));
    expect(differentiated.graph.nodes.filter(({ domain }) => domain !== "")).toEqual([]);
    const got = await runModel(differentiated, { ...values("input"), ...cotangents });

    for (const [output, want] of Object.entries(values("output")))
      expectClose(output, got[output], want, entry.tolerance);
    for (const [gradient, want] of Object.entries(values("grad", "d_")))
      expectClose(gradient, got[gradient], want, entry.tolerance);
  });
});

function modelOf({ opset, inputs, outputs, nodes, initializers }: StoredCase): Model {
  return {
    irVersion: 8,
    producerName: "",
    producerVersion: "",
    opsets: new Map([["", opset]]),
    metadata: new Map(),
    graph: {
      name: "case",
      inputs,
      outputs,
      valueInfo: new Map(),
      nodes: nodes.map((node) => ({ ...node, name: "", domain: "" })),
      initializers: new Map(Object.entries(initializers).map(([name, stored]) => [name, toTensor(stored)])),
    },
  };
}

function toTensor({ dataType, dims, data }: StoredTensor): Tensor {
  if (dataType === "int64") return { dataType, dims, data: BigInt64Array.from(data, BigInt) };
  return tensorOf(dataType, dims, data.map(Number));
}
