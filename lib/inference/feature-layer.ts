import { closestNames } from "../contract/closest-names";
import { ValueFacts } from "../autodiff/value-facts";
import { workingCopy } from "../autodiff/working-copy";
import { ModelError } from "../contract/errors";
import { isFloat } from "../onnx/data-types";
import type { Model } from "../onnx/model";
import { ancestorsOf, usedNames } from "../onnx/references";
import type { ClassModel } from "./class-model";
import { axisOf, gridLayout, hasGrid, other, type Axes, type GridLayout } from "./grid/axes";
import { placesThatCount } from "./grid/reach";
import { traceNode, type Traced } from "./grid/trace-grid";

/** A value of the graph that lies on the image's grid, and how. */
export interface FeatureLayer extends GridLayout {
  readonly name: string;
}

/** An open batch is traced as this many images, so that the axis they lie on can be told from others. */
const tracedBatch = 2;

/**
 * The tensor that Grad-CAM reads: the one named, else the last that lies on the image's grid and on whose places the scores depend.
 * The grid is followed from the input through convolutions, pools, resizes, elementwise operators, reshapes and transposes, whatever
 * the order of the axes; tokens of a transformer lie on it too, class and register tokens left aside.
 * @throws ModelError "model.unknown-layer" with the closest names, "model.not-a-feature-map", "model.no-feature-map"
 */
export function featureLayerOf(source: ClassModel, asked?: string): FeatureLayer {
  const candidates = layersOnGrid(source);
  if (asked === undefined) {
    const last = candidates.findLast(({ counts }) => counts);
    if (last) return last.layer;
    throw new ModelError(
      "model.no-feature-map",
      "Expected a value that lies on the image's grid between the input and the logits but the model has none that could be followed there; name a layer",
    );
  }
  const named = candidates.find(({ layer }) => layer.name === asked)?.layer ?? otherMap(source, asked);
  if (named) return named;
  throw notALayer(
    source,
    asked,
    candidates.map(({ layer }) => layer.name),
  );
}

/**
 * A person, or a card, may name a map that lies behind an operator not followed here, or one that has shrunk to a single cell, if it has
 * the axes of one.
 */
function otherMap(source: ClassModel, asked: string): FeatureLayer | undefined {
  const [, channels = 1, rows = 1, columns = 1, ...more] = tracing(source).shape(asked) ?? [];
  if (more.length > 0 || !valuesBetween(source.model, source.input.name, source.logits).includes(asked))
    return undefined;
  const axes = traceOf(source).traced.get(asked)?.axes;
  const isMap = axes ? axes.length === 4 && !axes.some(hasGrid) && rows * columns === 1 : rows * columns > 1;
  return isMap ? { name: asked, channels, rows, columns, order: undefined } : undefined;
}

function notALayer(source: ClassModel, asked: string, candidates: readonly string[]): ModelError {
  const closest = closestNames(asked, candidates).join(", ") || "none";
  if (!valuesBetween(source.model, source.input.name, source.logits).includes(asked)) {
    return new ModelError(
      "model.unknown-layer",
      `Expected a layer between the input and the logits but none is named "${asked}"; the closest feature maps are ${closest}`,
    );
  }
  const [first, ...others] = tracing(source).shape(asked) ?? [];
  const shape = first === undefined ? undefined : [source.fixedBatch === undefined ? "N" : first, ...others];
  return new ModelError(
    "model.not-a-feature-map",
    `Expected a layer that lies on the image's grid but "${asked}" has ${shape ? `[${shape.join(", ")}]` : "an unknown shape"}, which cannot be followed there from the input; the closest feature maps are ${closest}`,
  );
}

interface Candidate {
  readonly layer: FeatureLayer;
  /** Whether the scores depend on its places, and it is of the main stream. */
  readonly counts: boolean;
}

/** What is known of the axes of every value. */
function traceOf(source: ClassModel): { readonly graph: Tracing; readonly traced: ReadonlyMap<string, Traced> } {
  const { model, input } = source;
  const graph = tracing(source);
  const traced = new Map<string, Traced>([
    [
      input.name,
      {
        axes: [
          axisOf({ kind: "batch", extent: graph.batch, stride: 1 }),
          other(input.channels),
          axisOf({ kind: "row", extent: input.height, stride: 1 }),
          axisOf({ kind: "column", extent: input.width, stride: 1 }),
        ],
        projected: false,
      },
    ],
  ]);
  for (const node of model.graph.nodes) {
    if (node.outputs.every((name) => graph.isFixed(name))) continue;
    const found = traceNode(node, (name) => traced.get(name), graph);
    node.outputs.forEach((name, index) => {
      const one = found[index];
      if (one) traced.set(name, one);
    });
  }
  return { graph, traced };
}

/** Every value between input and logits that lies on the grid, in the order they are computed. */
function layersOnGrid(source: ClassModel): Candidate[] {
  const { model, input, logits } = source;
  const { graph, traced } = traceOf(source);
  const axesOf = (name: string): Axes | undefined => traced.get(name)?.axes;
  const counting = placesThatCount(model.graph.nodes, logits, axesOf, (name) => graph.isFixed(name));
  return valuesBetween(model, input.name, logits).flatMap((name) => {
    const one = traced.get(name);
    const layout = one && graph.isFloat(name) ? gridLayout(one.axes) : undefined;
    return one && layout ? [{ layer: { name, ...layout }, counts: counting.has(name) && !one.projected }] : [];
  });
}

type Tracing = ReturnType<typeof tracing>;

/** Shapes and constants of the model at a batch that can be told from its other extents. */
function tracing({ model, input, fixedBatch }: ClassModel) {
  const batch = fixedBatch ?? tracedBatch;
  const copy = workingCopy(model);
  const { name, channels, height, width } = input;
  copy.graph.inputs = copy.graph.inputs.map((info) =>
    info.name === name ? { ...info, shape: [batch, channels, height, width] } : info,
  );
  // What the file says of symbolic extents would outlive the symbols.
  copy.graph.valueInfo.clear();
  copy.graph.outputs = copy.graph.outputs.map((info) => ({ ...info, shape: undefined }));
  const facts = new ValueFacts(copy);
  const varying = new Set([name]);
  for (const node of model.graph.nodes) {
    if ([...usedNames(node)].some((used) => varying.has(used)) && !isShapeOf(node.operator))
      for (const output of node.outputs) varying.add(output);
  }
  return {
    batch,
    shape: (value: string): readonly number[] | undefined => {
      const shape = facts.info(value)?.shape;
      return shape?.every((extent) => typeof extent === "number") ? (shape as readonly number[]) : undefined;
    },
    constant: (value: string) => facts.constant(value),
    isFixed: (value: string) => !varying.has(value),
    isFloat: (value: string) => isFloat(facts.info(value)?.dataType ?? "float32"),
  };
}

const isShapeOf = (operator: string): boolean => operator === "Shape" || operator === "Size";

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
