import type { ErrorCode } from "../contract/error-codes";
import { ModelError } from "../contract/errors";
import { isFloat } from "../onnx/data-types";
import type { Graph } from "../onnx/model";
import { closestNames } from "../contract/closest-names";
import type { ValueFacts } from "./value-facts";

/** The outputs to differentiate: those asked for (intermediate values count, too), or every float output. */
export function chooseOutputs(graph: Graph, facts: ValueFacts, asked: readonly string[] | undefined): string[] {
  const names = graph.outputs.map(({ name }) => name);
  if (!asked) {
    const floats = names.filter((name) => facts.isDifferentiable(name));
    if (floats.length) return floats;
    throw new ModelError(
      "autodiff.integer-output",
      `Expected a model with a float output but its outputs are ${describe(names, facts)}`,
    );
  }
  const values = new Set([...names, ...graph.nodes.flatMap(({ outputs }) => outputs.filter(Boolean))]);
  for (const name of asked) {
    if (!values.has(name)) throw unknownName("an output or intermediate value of the model", name, [...values]);
    requireFloat(facts, name, "autodiff.integer-output", "output");
  }
  return [...new Set(asked)];
}

/** What to differentiate with respect to: the inputs, initialisers and intermediate values asked for, or every float input. */
export function chooseWrt(graph: Graph, facts: ValueFacts, asked: readonly string[] | undefined): string[] {
  const inputs = graph.inputs.map(({ name }) => name);
  if (!asked) {
    const floats = inputs.filter((name) => facts.isDifferentiable(name));
    if (floats.length) return floats;
    throw new ModelError(
      "autodiff.integer-input",
      `Expected a model with a float input but its inputs are ${describe(inputs, facts)}`,
    );
  }
  const known = new Set([
    ...inputs,
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs.filter(Boolean)),
  ]);
  for (const name of asked) {
    if (!known.has(name))
      throw unknownName("an input, initialiser or intermediate value of the model", name, [...known]);
    requireFloat(facts, name, "autodiff.integer-input", "value");
  }
  return [...new Set(asked)];
}

function requireFloat(facts: ValueFacts, name: string, code: ErrorCode, what: string): void {
  const info = facts.info(name);
  if (info && !isFloat(info.dataType)) {
    throw new ModelError(
      code,
      `Expected a float ${what} to differentiate but "${name}" is ${info.dataType}, which has no derivative`,
    );
  }
}

function unknownName(what: string, name: string, known: readonly string[]): ModelError {
  return new ModelError(
    "autodiff.unknown-name",
    `Expected ${what} but found none named "${name}"; the closest are ${closestNames(name, known).join(", ")}`,
  );
}

function describe(names: readonly string[], facts: ValueFacts): string {
  return names.map((name) => `"${name}" (${facts.info(name)?.dataType ?? "of unknown type"})`).join(", ") || "none";
}
