import { assert, asyncProperty } from "fast-check";
import { differentiateNamed } from "../../lib/autodiff/differentiate";
import { workingCopy } from "../../lib/autodiff/working-copy";
import type { Model, Tensor } from "../../lib/onnx/model";
import { randomGraph, randomTensor, stepNames, uniform, type RandomGraph } from "./random-graph";
import { expectClose, numbersOf, runModel, tensorOf, type Values } from "./run-model";

// the second, when a kink of Max, Min, Clip or ReduceMax lies within the first
const steps = [1e-5, 1e-7];

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
  return Object.fromEntries(
    Object.entries(values).map(([name, { dims, data }]) => {
      const along = numbersOf(direction[name]!);
      return [
        name,
        tensorOf(
          "float64",
          dims,
          (data as Float64Array).map((value, index) => value + distance * along[index]!),
        ),
      ];
    }),
  );
}

function cotangentsOf(model: Model, seed: number): Values {
  const random = uniform(seed);
  return Object.fromEntries(
    model.graph.outputs.map(({ name, shape }) => [name, randomTensor("float64", shape as number[], random)]),
  );
}

async function gradients(model: Model, inputs: Values, cotangents: Values): Promise<Values> {
  const both = differentiateNamed(model);
  const feeds = Object.fromEntries(
    Object.entries(cotangents).map(([name, tensor]) => [both.cotangents.get(name)!, tensor]),
  );
  const got = await runModel(both.model, { ...inputs, ...feeds });
  return Object.fromEntries([...both.gradients].map(([value, name]) => [value, got[name] as Tensor]));
}

// ⟨J v, w⟩ = ⟨v, Jᵀ w⟩, with J v by central differences in float64
async function expectAdjoint({ model, inputs }: RandomGraph): Promise<void> {
  const cotangents = cotangentsOf(model, 7);
  const random = uniform(11);
  const direction = Object.fromEntries(
    Object.entries(inputs).map(([name, { dims }]) => [name, randomTensor("float64", dims, random)]),
  );
  const outputs = async (distance: number): Promise<number> =>
    inner(cotangents, await runModel(model, moved(inputs, direction, distance)));

  const backward = inner(direction, await gradients(model, inputs, cotangents));
  let error = Infinity;
  for (const step of steps) {
    // the five-point stencil, whose error is of the order of step⁴
    const [farBack, back, ahead, farAhead] = [
      await outputs(-2 * step),
      await outputs(-step),
      await outputs(step),
      await outputs(2 * step),
    ];
    const forward = (farBack - 8 * back + 8 * ahead - farAhead) / (12 * step);
    error = Math.min(error, Math.abs(forward - backward) / (1 + Math.abs(forward)));
    if (error < 1e-6) break;
  }
  expect(error).toBeLessThan(1e-6);
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
    await assert(asyncProperty(randomGraph("float64", name), expectAdjoint), { numRuns: 6 });
  });

  test("have the same gradients when every extent is dynamic", async () => {
    await assert(
      asyncProperty(randomGraph("float64", name), async ({ model, inputs }) => {
        const cotangents = cotangentsOf(model, 3);
        const fixed = await gradients(model, inputs, cotangents);
        const dynamic = await gradients(withoutExtents(model), inputs, cotangents);
        for (const [input, want] of Object.entries(fixed)) expectClose(input, dynamic[input], want, 1e-12);
      }),
      { numRuns: 4 },
    );
  });
});
