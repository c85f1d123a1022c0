import {
  floatAttribute,
  float,
  intAttribute,
  intsAttribute,
  stringAttribute,
  type AttributeValue,
} from "../../onnx/attributes";
import type { RuleContext } from "../gradient-rule";
import { extentOf, shapeVector, type Extent } from "./extents";
import { identityMatrix } from "./linear-along-axis";
import { nonNegativeAxis, range, realConstant } from "./values";

/** An axis of a Resize, and its position among the axes that the node lists. */
export interface ResizedAxis {
  readonly axis: number;
  readonly position: number;
}

/**
 * The matrix A [extent of Y, extent of X] of a Resize along one axis, float32: the identity matrix, resized by the very node's
 * settings, so that every coordinate, rounding and border rule is the runtime's own. onnxruntime folds it to a constant where
 * the extents are known.
 */
export function resizeMatrix(context: RuleContext, resized: ResizedAxis): string {
  const kept = stringAttribute(context.node, "keep_aspect_ratio_policy", "stretch") !== "stretch";
  return kept && !hasScales(context) ? matrixAtCommonScale(context, resized) : matrixAlone(context, resized);
}

/**
 * One image for each unit vector along the axis. A further axis doubles from 1 to 2, for onnxruntime copies an image whose extents
 * all stay as they are, whatever the scales say.
 */
function matrixAlone(context: RuleContext, { axis, position }: ResizedAxis): string {
  const { graph } = context;
  const extent = extentOf(context, context.input(0), axis);
  const images = graph.add("Unsqueeze", [identityMatrix(context, extent, "float32"), graph.int64([1, 3])]);
  const roi = regionAlong(context, position);
  const inputs = hasScales(context)
    ? [images, roi, scalesAlong(context, position)]
    : [images, roi, "", shapeVector(context, [extent, 1, extentOf(context, context.output(0), axis), 2])];
  const resized = graph.add("Resize", inputs, settings(context));
  const half = graph.add("Slice", [resized, graph.int64([0]), graph.int64([1]), graph.int64([3])]);
  return graph.add("Transpose", [graph.add("Squeeze", [half, graph.int64([1, 3])])], { perm: [1, 0] });
}

/**
 * With keep_aspect_ratio_policy the scale of one axis depends on the others, so all are resized together: one image for each unit
 * vector along the axis, constant along the others. Rows of the other matrices sum to 1, so that any one line of it is A.
 */
function matrixAtCommonScale(context: RuleContext, { axis }: ResizedAxis): string {
  const { graph, node } = context;
  const x = context.input(0);
  const rank = context.rank(x);
  const axes = (intsAttribute(node, "axes") ?? range(0, rank)).map((listed) => nonNegativeAxis(listed, rank));
  const isCropped = stringAttribute(node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
  if (isCropped || axes.some((listed) => listed < 2)) {
    context.refuse(
      "keep_aspect_ratio_policy is combined with tf_crop_and_resize, or covers the axes of batch or channels",
    );
  }
  const extent = extentOf(context, x, axis);
  const spatial = range(2, rank);
  const line = spatial.map((other): Extent => (other === axis ? extent : 1));
  const units = graph.add("Reshape", [
    identityMatrix(context, extent, "float32"),
    shapeVector(context, [extent, 1, ...line]),
  ]);
  const images = graph.add("Expand", [
    units,
    shapeVector(context, [extent, 1, ...spatial.map((other) => extentOf(context, x, other))]),
  ]);
  // the axes stay as the node has them: onnxruntime 1.30 resizes nothing when they are negative
  const policy = {
    ...(node.attributes["axes"] ? { axes: node.attributes["axes"] } : {}),
    keep_aspect_ratio_policy: stringAttribute(node, "keep_aspect_ratio_policy", "stretch"),
  };
  const resized = graph.add("Resize", [images, "", "", context.input(3)], { ...settings(context), ...policy });
  const others = spatial.filter((other) => other !== axis);
  const firsts = graph.add("Slice", [
    resized,
    graph.int64(others.map(() => 0)),
    graph.int64(others.map(() => 1)),
    graph.int64(others),
  ]);
  return graph.add("Transpose", [graph.add("Squeeze", [firsts, graph.int64([1, ...others])])], { perm: [1, 0] });
}

function hasScales(context: RuleContext): boolean {
  return context.has(2) && context.constantValue(context.input(2))?.data.length !== 0;
}

function scalesAlong(context: RuleContext, position: number): string {
  const { graph } = context;
  const scale = graph.add("Slice", [context.input(2), graph.int64([position]), graph.int64([position + 1])]);
  return graph.add("Concat", [graph.float32([1, 1]), scale, graph.float32([2])], { axis: 0 });
}

/** The region of interest along one axis, [0, 1] along the others; left out where the coordinates do not ask for it. */
function regionAlong(context: RuleContext, position: number): string {
  const { graph, node } = context;
  if (stringAttribute(node, "coordinate_transformation_mode", "half_pixel") !== "tf_crop_and_resize") return "";
  const roi = context.input(1);
  const count = intsAttribute(node, "axes")?.length ?? context.rank(context.input(0));
  const at = (index: number): string => graph.add("Slice", [roi, graph.int64([index]), graph.int64([index + 1])]);
  const constant = (numbers: number[]): string => realConstant(context, numbers, [numbers.length], roi);
  return graph.add(
    "Concat",
    [constant([0, 0]), at(position), constant([0, 1, 1]), at(position + count), constant([1])],
    { axis: 0 },
  );
}

/** The node's settings; the value beyond the borders does not depend on X. */
function settings(context: RuleContext): Record<string, AttributeValue> {
  const { node } = context;
  const mode = stringAttribute(node, "mode", "nearest");
  return {
    mode,
    coordinate_transformation_mode: stringAttribute(node, "coordinate_transformation_mode", "half_pixel"),
    ...(mode === "nearest" ? { nearest_mode: stringAttribute(node, "nearest_mode", "round_prefer_floor") } : {}),
    ...(mode === "cubic" ? { cubic_coeff_a: float(floatAttribute(node, "cubic_coeff_a", -0.75)) } : {}),
    exclude_outside: intAttribute(node, "exclude_outside", 0),
    antialias: intAttribute(node, "antialias", 0),
    extrapolation_value: float(0),
  };
}
