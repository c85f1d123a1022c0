import { ModelError } from "../contract/errors";
import type { Graph, Node } from "../onnx/model";
import { ancestorsOf, usedNames } from "../onnx/references";
import { nodeLabel } from "./node-label";
import { checkRule, isLocallyConstant, type RuleChoice } from "./rules";
import type { ValueFacts } from "./value-facts";

/** What a gradient has to run through. */
export interface Flow {
  /** The nodes on a differentiable path from what is differentiated with respect to, to the outputs; in topological order. */
  readonly activeNodes: readonly Node[];
  /** The values on such a path or beside it that depend on what is differentiated with respect to. */
  readonly varying: ReadonlySet<string>;
}

export interface FlowRequest {
  readonly outputs: readonly string[];
  readonly wrt: readonly string[];
  readonly rules: RuleChoice | undefined;
  readonly strict: boolean | undefined;
  /** Whether the outputs were asked for by name. */
  readonly chosen: boolean;
}

/** Finds the paths, and refuses at once what on them has no gradient. */
export function traceFlow(graph: Graph, facts: ValueFacts, request: FlowRequest): Flow {
  const varying = new Set(request.wrt);
  // integer and boolean values that depend on wrt, and the node where the dependence stopped being differentiable
  const stepwise = new Map<string, Node>();
  for (const node of graph.nodes) {
    const reads = [...usedNames(node)];
    const varies = reads.some((name) => varying.has(name));
    if (varies && isLocallyConstant(node)) continue;
    const step = reads.map((name) => stepwise.get(name)).find(Boolean);
    for (const output of node.outputs) {
      if (output && varies && facts.isDifferentiable(output)) varying.add(output);
      else if (output && (varies || step)) stepwise.set(output, step ?? node);
    }
  }

  const ancestors = ancestorsOf(graph, request.outputs);
  const touched = graph.nodes.filter(
    (node) =>
      node.outputs.some((name) => ancestors.has(name)) && [...usedNames(node)].some((name) => varying.has(name)),
  );
  const activeNodes: Node[] = [];
  for (const node of touched) {
    if (isLocallyConstant(node)) continue;
    const flows = node.outputs.some((name) => varying.has(name));
    checkRule(node, request.rules, flows);
    if (flows) activeNodes.push(node);
  }
  checkDependence(request, varying, stepwise);
  return { activeNodes, varying };
}

function checkDependence(
  request: FlowRequest,
  varying: ReadonlySet<string>,
  stepwise: ReadonlyMap<string, Node>,
): void {
  const still = request.outputs.filter((name) => !varying.has(name));
  if (!request.chosen && still.length < request.outputs.length && !request.strict) return;
  const wrt = request.wrt.map((name) => `"${name}"`).join(", ");
  for (const output of still) {
    const step = stepwise.get(output);
    if (step) {
      throw new ModelError(
        "autodiff.no-gradient",
        `Expected output "${output}" to depend smoothly on ${wrt} but every path goes through ${nodeLabel(step)}, whose output is whole numbers or booleans`,
      );
    }
    if (request.strict) {
      throw new ModelError(
        "autodiff.independent",
        `Expected output "${output}" to depend on ${wrt} but no differentiable path leads there`,
      );
    }
  }
}
