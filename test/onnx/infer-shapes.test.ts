import { readFileSync } from "node:fs";
import path from "node:path";
import { inferValues } from "../../lib/onnx/infer-shapes";
import type { Model } from "../../lib/onnx/model";
import { readModel } from "../../lib/onnx/read-model";
import { describeWithReference } from "../reference";
import { modelFiles, oracleInputs } from "./oracle";
import { runModel } from "./runtime";

/** The model with every value a node computes as an output, as far as types are known. */
function withEveryValue(model: Model): Model {
  const { types } = inferValues(model);
  const names = model.graph.nodes.flatMap(({ outputs }) => outputs).filter((name) => name !== "");
  const missing = names.filter((name) => !types.has(name));
  expect(missing).toEqual([]);
  const outputs = names.map((name) => ({ ...types.get(name)!, shape: undefined }));
  return { ...model, graph: { ...model.graph, outputs, valueInfo: new Map() } };
}

/** Forgets what the file says of intermediate values and outputs, so that everything is inferred. */
function withoutHints(model: Model): Model {
  return {
    ...model,
    graph: {
      ...model.graph,
      valueInfo: new Map(),
      outputs: model.graph.outputs.map((output) => ({ ...output, shape: undefined })),
    },
  };
}

interface Count {
  values: number;
  extents: number;
  unknown: string[];
}

async function compare(file: string, count: Count): Promise<void> {
  const model = withoutHints(readModel(new Uint8Array(readFileSync(file))));
  const { types, constants } = inferValues(model);
  const feeds = oracleInputs(file, model.graph.inputs);
  const symbols = new Map<string, number>();
  const bind = (
    name: string,
    expected: readonly (number | string | null)[] | undefined,
    actual: readonly number[],
  ): void => {
    const place = `${path.relative(path.dirname(path.dirname(file)), file)}: ${name}`;
    if (!expected) {
      count.unknown.push(place);
      return;
    }
    expect([place, expected.length]).toEqual([place, actual.length]);
    expected.forEach((extent, axis) => {
      count.extents++;
      if (extent === null) return count.unknown.push(place);
      if (typeof extent === "string") {
        if (!symbols.has(extent)) symbols.set(extent, actual[axis]!);
        expect([place, axis, symbols.get(extent)]).toEqual([place, axis, actual[axis]]);
      } else expect([place, axis, extent]).toEqual([place, axis, actual[axis]]);
      return undefined;
    });
  };
  for (const { name, shape } of model.graph.inputs) bind(name, shape, feeds.get(name)!.dims);
  const actual = await runModel(withEveryValue(model), feeds);
  for (const [name, { type, dims, data }] of actual) {
    count.values++;
    expect([file, name, types.get(name)!.dataType]).toEqual([file, name, type]);
    bind(name, types.get(name)!.shape, dims);
    const constant = constants.get(name);
    if (constant)
      expect([file, name, Array.from(constant.data as ArrayLike<number>, Number)]).toEqual([
        file,
        name,
        Array.from(data, Number),
      ]);
  }
}

describeWithReference("types, shapes and folded constants equal onnxruntime's for every value", (reference) => {
  test.each(["ops", "foreign", "mini"])("oracle/%s", async (group) => {
    const count: Count = { values: 0, extents: 0, unknown: [] };
    for (const file of modelFiles(path.join(reference, "oracle", group))) await compare(file, count);
    expect(count.values).toBeGreaterThan(300);
    expect(count.unknown).toEqual([]);
  });
});
