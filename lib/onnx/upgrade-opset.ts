import { ModelError } from "../contract/errors";
import { GraphBuilder } from "./graph-builder";
import { inferValues, type InferredValues } from "./infer-shapes";
import type { Attribute, Graph, Model, Node } from "./model";
import { irVersionOfOpset } from "./operators";
import { copyGraph, subgraphs, usedNames } from "./references";
import { attributeUpgrades } from "./upgrade/attributes-to-inputs";
import { semanticUpgrades } from "./upgrade/changed-semantics";
import { newerOperators } from "./upgrade/newer-operators";
import { type UpgradeRule, UpgradeStep } from "./upgrade/upgrade-step";

const oldest = 7;
const newest = 21;

/**
 * The model in operator set 18 to 21, for the same outputs. By default older models (7 to 17) come to 18, those of 18 to 21 stay, and newer ones
 * (22 to 28) come to 21, what is not known there being decomposed. A given `target` raises any older model to it.
 * The input model stays as it is.
 * @throws ModelError model.unsupported-opset below set 7, model.unsupported-operator for a node whose meaning cannot be kept
 */
export function upgradeOpset(model: Model, target?: 18 | 19 | 20 | 21): Model {
  const opset = model.opsets.get("") ?? 0;
  if (opset < oldest)
    throw new ModelError(
      "model.unsupported-opset",
      `Expected a model of ai.onnx operator set ${oldest} or newer but found ${opset}; export it again with a newer set`,
    );
  const goal = opset > newest ? newest : Math.max(target ?? 18, opset);
  if (goal === opset) return model;
  const inferred = inferValues(model);
  const graph = upgradeGraph(copyGraph(model.graph), { opset, target: goal, inferred, scopes: { count: 0 } }, "");
  // Runtimes refuse files of an IR version they do not know, so a model that comes down brings that down too.
  const irVersion = opset > goal ? Math.min(model.irVersion, irVersionOfOpset(goal)) : model.irVersion;
  return { ...model, irVersion, opsets: new Map([...model.opsets, ["", goal]]), graph };
}

interface Upgrade {
  readonly opset: number;
  readonly target: number;
  readonly inferred: InferredValues;
  /** Sub-graphs get prefixes of their own, since names must differ between scopes. */
  readonly scopes: { count: number };
}

function upgradeGraph(graph: Graph, upgrade: Upgrade, prefix: string): Graph {
  const builder = new GraphBuilder(graph, prefix);
  const nodes = graph.nodes.splice(0);
  const used = new Set([...graph.outputs.map(({ name }) => name), ...nodes.flatMap((node) => [...usedNames(node)])]);
  for (const original of nodes) {
    let node: Node | undefined = { ...original, attributes: upgradeSubgraphs(original, upgrade) };
    for (const apply of changesOf(node, upgrade)) {
      if (!node) break;
      node = apply(
        new UpgradeStep(
          node,
          upgrade.opset,
          upgrade.target,
          builder,
          upgrade.inferred.types,
          upgrade.inferred.constants,
          used,
        ),
      );
    }
    if (node) graph.nodes.push(node);
  }
  return graph;
}

function changesOf({ operator, domain }: Node, { opset, target }: Upgrade): readonly UpgradeRule[] {
  if (domain !== "") return [];
  const back = newerOperators[operator];
  if (opset > target) return back ? [back] : [];
  return [...(attributeUpgrades[operator] ?? []), ...(semanticUpgrades[operator] ?? [])]
    .filter(({ since }) => opset < since && since <= target)
    .map(({ apply }) => apply);
}

function upgradeSubgraphs(node: Node, upgrade: Upgrade): Record<string, Attribute> {
  if (subgraphs(node).length === 0) return node.attributes;
  return Object.fromEntries(
    Object.entries(node.attributes).map(([name, attribute]) => {
      if (attribute.kind !== "graph") return [name, attribute];
      return [
        name,
        { kind: "graph", value: upgradeGraph(attribute.value, upgrade, `upgraded_${++upgrade.scopes.count}/`) },
      ];
    }),
  );
}
