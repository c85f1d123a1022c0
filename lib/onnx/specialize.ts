import { ModelError } from "../contract/errors";
import { foldConstants } from "./fold-constants";
import { inferShapes } from "./infer-shapes";
import type { Dimension, Model, ValueInfo } from "./model";
import { copyGraph } from "./references";

/**
 * The model for given extents: `extents` gives each symbol a number ({ batch: 8 }) or each input its shape ({ input: [8, 3, 224, 224] }),
 * in any mixture. Types are inferred anew and what only depends on extents is computed, so that a graph whose extents are all given
 * has no shape arithmetic left. The input model stays as it is.
 * @throws ModelError model.invalid-extents for a name that is neither symbol nor input, or contradicts what the model fixes
 */
export function specialize(model: Model, extents: Readonly<Record<string, number | readonly number[]>>): Model {
  const symbols = new Map<string, number>();
  const shapes = new Map<string, readonly number[]>();
  const inputs = new Map(model.graph.inputs.map((input) => [input.name, input]));
  const free = new Set(
    model.graph.inputs.flatMap(({ shape }) => shape ?? []).filter((extent) => typeof extent === "string"),
  );
  for (const [name, given] of Object.entries(extents)) {
    if (typeof given === "number") {
      if (!free.has(name)) throw invalid(`Expected one of the symbols ${list(free)} but received "${name}"`);
      bind(symbols, name, given);
      continue;
    }
    const input = inputs.get(name);
    if (!input) throw invalid(`Expected one of the inputs ${list(inputs.keys())} but received "${name}"`);
    shapes.set(name, given);
    bindShape(symbols, input, given);
  }
  const resolve = (extent: Dimension): Dimension =>
    typeof extent === "string" ? (symbols.get(extent) ?? extent) : extent;
  const graph = copyGraph(model.graph);
  graph.inputs = graph.inputs.map((input) => ({
    ...input,
    shape: shapes.get(input.name) ?? input.shape?.map(resolve),
  }));
  graph.outputs = graph.outputs.map((output) => ({ ...output, shape: undefined }));
  // Only what cannot be inferred keeps what the file says of it.
  const foreign = graph.nodes.filter(({ domain }) => domain !== "").flatMap(({ outputs }) => outputs);
  graph.valueInfo = new Map(
    foreign.flatMap((name) => {
      const declared = model.graph.valueInfo.get(name);
      return declared ? [[name, { ...declared, shape: declared.shape?.map(resolve) }] as const] : [];
    }),
  );
  const folded = foldConstants({ ...model, graph });
  const types = inferShapes(folded);
  folded.graph.outputs = model.graph.outputs.map((output) => types.get(output.name) ?? { ...output, shape: undefined });
  folded.graph.valueInfo = new Map(
    folded.graph.nodes
      .flatMap(({ outputs }) => outputs)
      .flatMap((name) => {
        const type = types.get(name);
        return type ? [[name, type] as const] : [];
      }),
  );
  return folded;
}

function bindShape(symbols: Map<string, number>, { name, shape }: ValueInfo, given: readonly number[]): void {
  if (!shape) return;
  if (shape.length !== given.length)
    throw invalid(`Expected ${shape.length} extents of input "${name}" but received [${given.join(", ")}]`);
  shape.forEach((extent, axis) => {
    const value = given[axis] as number;
    if (typeof extent === "string") bind(symbols, extent, value);
    else if (extent !== null && extent !== value)
      throw invalid(`Expected ${extent} as extent ${axis} of input "${name}" but received ${value}`);
  });
}

function bind(symbols: Map<string, number>, symbol: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw invalid(`Expected a whole, non-negative extent for "${symbol}" but received ${value}`);
  const known = symbols.get(symbol);
  if (known !== undefined && known !== value)
    throw invalid(`Expected one extent for the symbol "${symbol}" but received ${known} and ${value}`);
  symbols.set(symbol, value);
}

function list(names: Iterable<string>): string {
  return [...names].map((name) => `"${name}"`).join(", ") || "(none)";
}

function invalid(message: string): ModelError {
  return new ModelError("model.invalid-extents", message);
}
