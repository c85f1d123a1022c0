import { takeDecidedBranches } from "../onnx/fold-constants";
import { GraphBuilder } from "../onnx/graph-builder";
import type { Model, ValueInfo } from "../onnx/model";
import { filledTensor } from "../onnx/scalar";
import { upgradeOpset } from "../onnx/upgrade-opset";
import { chooseOutputs, chooseWrt } from "./choose-values";
import { traceFlow, type Flow } from "./flow";
import { NodeRuleContext, type Backpropagation } from "./rule-context";
import { ruleFor, type RuleChoice } from "./rules";
import { ValueFacts } from "./value-facts";
import { workingCopy } from "./working-copy";

/**
 * What `differentiate` is asked for. Names are those of the model's values.
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { differentiate, readModel, type DifferentiateOptions } from "cytolens";
 *
 * const guided: DifferentiateOptions = { outputs: ["logits"], rules: "guided" };
 * const model = differentiate(readModel(await readFile("model.onnx")), guided);
 * console.log(model.graph.outputs.length); // 2
 * ```
 */
export interface DifferentiateOptions {
  /** Outputs, or intermediate values, that get a cotangent. Default: every float output. */
  readonly outputs?: readonly string[];
  /** Inputs, initialisers or intermediate values. Default: the float inputs. */
  readonly wrt?: readonly string[];
  /** The gradient rules: the true ones, guided backpropagation, deconvnet, or one's own for some operators. Default: "true". */
  readonly rules?: RuleChoice;
  /** Refuse an output that depends on none of `wrt` (its gradient would be zeros). Default: false. */
  readonly strict?: boolean;
}

/**
 * A differentiated model and what its new inputs and outputs are called, by the value they belong to.
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { differentiateNamed, readModel, type Differentiated } from "cytolens";
 *
 * const found: Differentiated = differentiateNamed(readModel(await readFile("model.onnx")));
 * console.log([...found.gradients.keys()].join()); // input
 * ```
 */
export interface Differentiated {
  readonly model: Model;
  /** The input that takes the cotangent, by the name of the output it belongs to; of the same shape and type. */
  readonly cotangents: ReadonlyMap<string, string>;
  /** The output that holds the gradient, by the name of each of `wrt`; of the same shape and type. */
  readonly gradients: ReadonlyMap<string, string>;
}

/**
 * The vector-Jacobian product of a model, as a model: reverse-mode differentiation (Griewank and Walther, Evaluating
 * Derivatives, 2nd edition 2008, chapter 3) of the operators as the ONNX specification defines them.
 *
 * The result keeps the inputs and outputs, takes a cotangent `d_<output>` of the shape and type of each differentiated
 * output, and returns `d_<name>` = Σ over outputs of cotangent · ∂output/∂name, of the shape and type of the value,
 * for each of `wrt`. Its unit is that of the outputs over that of the value. Where no path leads from a name to the
 * outputs its gradient is zeros. The result holds operators of opset 18 to 21 only; symbolic extents stay symbolic.
 * The model given is left as it is; both share their weights. A name that is already taken gets the first free suffix
 * (`d_x_1`); `differentiateNamed` returns the names.
 *
 * @returns the model with its gradient
 * @throws ModelError autodiff.unknown-name, autodiff.integer-output and autodiff.integer-input for what is asked for;
 * autodiff.no-gradient, autodiff.unsupported-operator and autodiff.unsupported-case for what lies on the way;
 * autodiff.independent with `strict`; autodiff.unknown-type; model.unsupported-opset and model.unsupported-operator
 * for old sets; model.invalid-graph
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { differentiate, readModel } from "cytolens";
 *
 * const model = readModel(await readFile("model.onnx"));
 * const withGradient = differentiate(model, { outputs: ["logits"], wrt: ["input"] });
 * console.log(withGradient.graph.inputs.map(({ name }) => name).join()); // input,d_logits
 * console.log(withGradient.graph.outputs.map(({ name }) => name).join()); // logits,d_input
 * ```
 */
export function differentiate(model: Model, options: DifferentiateOptions = {}): Model {
  return differentiateNamed(model, options).model;
}

/**
 * `differentiate`, returned with the names of the inputs and outputs that were added. Takes, gives and throws the same.
 *
 * @returns the model with its gradient, and what the added inputs and outputs are called
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { differentiateNamed, readModel } from "cytolens";
 *
 * const { cotangents, gradients } = differentiateNamed(readModel(await readFile("model.onnx")), { outputs: ["logits"] });
 * console.log(cotangents.get("logits")); // d_logits
 * console.log(gradients.get("input")); // d_input
 * ```
 */
export function differentiateNamed(model: Model, options: DifferentiateOptions = {}): Differentiated {
  const result = workingCopy(takeDecidedBranches(upgradeOpset(model)));
  const { graph } = result;
  const facts = new ValueFacts(result);
  const outputs = chooseOutputs(graph, facts, options.outputs);
  const wrt = chooseWrt(graph, facts, options.wrt);
  const flow = traceFlow(graph, facts, {
    outputs,
    wrt,
    rules: options.rules,
    strict: options.strict,
    chosen: Boolean(options.outputs),
  });

  const builder = new GraphBuilder(graph, "grad/");
  const cotangents = new Map(outputs.map((name) => [name, builder.claimName(`d_${name}`)]));
  const gradients = new Map(wrt.map((name) => [name, builder.claimName(`d_${name}`)]));
  for (const [output, name] of cotangents) {
    graph.inputs.push({ ...facts.require(output), name });
    facts.declare({ ...facts.require(output), name });
  }
  const found = backpropagate(builder, facts, flow, cotangents, options.rules);
  for (const [value, name] of gradients) {
    builder.add("Identity", [found(value)], {}, name);
    graph.outputs.push({ ...facts.require(value), name });
  }
  return { model: result, cotangents, gradients };
}

/**
 * Appends to a model (opset 18 to 21, changed in place) the gradient of Σ cotangent · output, for trainers that want
 * the loss and its gradient in one graph. `cotangents` gives for each output the value in the graph that holds its
 * cotangent. Returns the value that holds each gradient; nothing is added to the model's outputs.
 */
export function appendGradient(
  model: Model,
  cotangents: ReadonlyMap<string, string>,
  wrt: readonly string[],
  rules?: RuleChoice,
): ReadonlyMap<string, string> {
  const { graph } = model;
  const facts = new ValueFacts(model);
  const outputs = [...cotangents.keys()];
  const chosen = chooseWrt(graph, facts, wrt);
  const flow = traceFlow(graph, facts, { outputs, wrt: chosen, rules, strict: false, chosen: true });
  const found = backpropagate(new GraphBuilder(graph, "grad/"), facts, flow, cotangents, rules);
  return new Map(chosen.map((name) => [name, found(name)]));
}

/** The reverse sweep. Returns how to ask for the gradient of a value. */
function backpropagate(
  graph: GraphBuilder,
  facts: ValueFacts,
  flow: Flow,
  cotangents: ReadonlyMap<string, string>,
  rules: RuleChoice | undefined,
): (value: string) => string {
  const shared: Backpropagation = { graph, facts, varying: flow.varying, shapeTensors: new Map() };
  const contributions = new Map<string, string[]>();
  const contribute = (value: string, gradient: string): void => {
    const list = contributions.get(value);
    if (list) list.push(gradient);
    else contributions.set(value, [gradient]);
  };
  // d value = Σ of what came back from every reader of the value
  const gradientOf = (value: string): string | undefined => {
    const parts = contributions.get(value);
    if (!parts) return undefined;
    const sum = parts.reduce((total, part) => graph.add("Add", [total, part]));
    contributions.set(value, [sum]);
    const info = facts.info(value);
    if (info) facts.declare({ ...info, name: sum });
    return sum;
  };

  for (const [output, cotangent] of cotangents) contribute(output, cotangent);
  for (const node of flow.activeNodes.toReversed()) {
    const outputGradients = node.outputs.map((output) => (output ? gradientOf(output) : undefined));
    if (outputGradients.every((gradient) => gradient === undefined)) continue;
    const context = new NodeRuleContext(node, shared);
    for (const [index, gradient] of ruleFor(node, rules)(context, outputGradients).entries()) {
      if (gradient !== undefined && context.needs(index)) contribute(context.input(index), gradient);
    }
  }
  return (value) => gradientOf(value) ?? zerosOf(graph, facts.require(value));
}

function zerosOf(graph: GraphBuilder, { name, dataType, shape }: ValueInfo): string {
  const known = shape?.every((extent) => typeof extent === "number")
    ? graph.int64(shape as readonly number[])
    : undefined;
  return graph.add("ConstantOfShape", [known ?? graph.add("Shape", [name])], { value: filledTensor(0, dataType, [1]) });
}
