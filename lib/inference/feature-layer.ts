import { closestNames } from "../contract/closest-names";
import { ModelError } from "../contract/errors";
import { isFloat } from "../onnx/data-types";
import type { Model, ValueInfo } from "../onnx/model";
import { ancestorsOf, usedNames } from "../onnx/references";
import type { ClassModel } from "./class-model";
import { typesAt } from "./gradient-graph";

/**
 * The tensor that Grad-CAM reads: the one named, else the last feature map by shape, that is the last float value
 * [batch, channels, height, width] with more than one cell that lies between the input and the logits.
 * @throws ModelError "model.unknown-layer" with the closest names, "model.not-a-feature-map", "model.no-feature-map"
 */
export function featureLayerOf(source: ClassModel, asked?: string): string {
  const types = typesAt(source);
  const between = valuesBetween(source.model, source.input.name, source.logits);
  if (asked === undefined) {
    const last = between.findLast((name) => isFeatureMap(types.get(name)));
    if (last !== undefined) return last;
    throw new ModelError(
      "model.no-feature-map",
      "Expected a feature map [batch, channels, height, width] between the input and the logits but the model has none; name a layer",
    );
  }
  if (!between.includes(asked)) {
    const candidates = between.filter((name) => isFeatureMap(types.get(name)));
    throw new ModelError(
      "model.unknown-layer",
      `Expected a layer between the input and the logits but none is named "${asked}"; the closest feature maps are ${closestNames(asked, candidates).join(", ")}`,
    );
  }
  const info = types.get(asked);
  if (info?.shape?.length !== 4) {
    throw new ModelError(
      "model.not-a-feature-map",
      `Expected a layer of shape [batch, channels, height, width] but "${asked}" has ${info?.shape ? `[${info.shape.join(", ")}]` : "an unknown shape"}`,
    );
  }
  return asked;
}

function isFeatureMap(info: ValueInfo | undefined): boolean {
  if (!info?.shape || info.shape.length !== 4 || !isFloat(info.dataType)) return false;
  const [, , height, width] = info.shape;
  return typeof height === "number" && typeof width === "number" && height * width > 1;
}

/** The values that depend on the input and that the logits depend on, in the order they are computed. */
function valuesBetween({ graph }: Model, input: string, logits: string): string[] {
  const ancestors = ancestorsOf(graph, [logits]);
  const following = new Set([input]);
  const between: string[] = [];
  for (const node of graph.nodes) {
    if (![...usedNames(node)].some((name) => following.has(name))) continue;
    for (const name of node.outputs) {
      following.add(name);
      if (ancestors.has(name)) between.push(name);
    }
  }
  return between;
}
