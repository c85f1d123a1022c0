import fc from "fast-check";
import { differentiateNamed } from "../../lib/autodiff/differentiate";
import { workingCopy } from "../../lib/autodiff/working-copy";
import type { Model, Tensor } from "../../lib/onnx/model";
import { randomGraph, randomTensor, stepNames, uniform, type RandomGraph } from "./random-graph";
import { expectClose, numbersOf, runModel, tensorOf, type Values } from "./run-model";

const step = 1e-5;

/** ⟨a, b⟩ over tensors of the same names. */
function inner(a: Values, b: Values): number {
  let total = 0;
  for (const [name, tensor] of Object.entries(a)) {
    const other = numbersOf(b[name]!);
    for (const [index, value] of numbersOf(tensor).entries()) total += value * other[index]!;
  }
  return total;
}

function moved(values: Values, direction: Values, distance: number): Values {
  return Object.fromEntries(Object.entries(values).map(([name, { dims, data }]) => {
    const along = numbersOf(direction[name]!);
    return [name, tensorOf("float64", dims, (data as Float64Array).map((value, index) => value + distance * along[index]!))];
  }));
}

function cotangentsOf(model: Model, seed: number): Values {
  const random = uniform(seed);
  return Object.fromEntries(model.graph.outputs.map(({ name, shape }) => [name, randomTensor("float64", shape as number[], random)]));
}

async function gradients(model: Model, inputs: Values, cotangents: Values): Promise<Values> {
  const both = differentiateNamed(model);
  const feeds = Object.fromEntries(Object.entries(cotangents).map(([name, tensor]) => [both.cotangents.get(name)!, tensor]));
  const got = await runModel(both.model, { ...inputs, ...feeds });
  return Object.fromEntries([...both.gradients].map(([value, name]) => [value, got[name] as Tensor]));
}

// ⟨J v, w⟩ = ⟨v, Jᵀ w⟩, with J v by central differences in float64
async function expectAdjoint({ model, inputs }: RandomGraph): Promise<void> {
  const cotangents = cotangentsOf(model, 7);
  const random = uniform(11);
  const direction = Object.fromEntries(Object.entries(inputs).map(([name, { dims }]) => [name, randomTensor("float64", dims, random)]));
  const outputs = async (distance: number): Promise<number> => inner(cotangents, await runModel(model, moved(inputs, direction, distance)));

  const forward = (await outputs(step) - await outputs(-step)) / (2 * step);
  const backward = inner(direction, await gradients(model, inputs, cotangents));

  expect(Math.abs(forward - backward)).toBeLessThan(1e-6 * (1 + Math.abs(forward)));
}

/** The same graph with nothing said about the extents of its inputs, or of its outputs. */
function withoutExtents(model: Model): Model {
  const copy = workingCopy(model);
  copy.graph.inputs = copy.graph.inputs.map((info) => ({ ...info, shape: info.shape?.map(() => null) }));
  copy.graph.outputs = copy.graph.outputs.map((info) => ({ ...info, shape: undefined }));
  return copy;
}

describe.each(stepNames)("random graphs with %s", (name) => {
  test("satisfy the adjoint identity", async () => {
    await fc.assert(fc.asyncProperty(randomGraph("float64", name), expectAdjoint), { numRuns: 4 });
  });

  test("have the same gradients when every extent is dynamic", async () => {
    await fc.assert(fc.asyncProperty(randomGraph("float64", name), async ({ model, inputs }) => {
      const cotangents = cotangentsOf(model, 3);
      const fixed = await gradients(model, inputs, cotangents);
      const dynamic = await gradients(withoutExtents(model), inputs, cotangents);
      for (const [input, want] of Object.entries(fixed)) expectClose(input, dynamic[input], want, 1e-12);
    }), { numRuns: 2 });
  });
});
