import { floatAttribute, intAttribute, stringAttribute } from "../attributes";
import { float32Tensor, toNumbers } from "../tensor";
import type { Node } from "../model";
import type { Upgrade, UpgradeRule, UpgradeStep } from "./upgrade-step";

/** Softmax and its kin 13: before, everything from `axis` on was one vector. */
const flattenedAxis: UpgradeRule = (step) => {
  const { node, graph } = step;
  const axis = intAttribute(node, "axis", 1);
  const rank = step.shape(0)?.length;
  const last = axis === -1 || (rank !== undefined && axis === rank - 1);
  if (last) return { ...node, attributes: { axis: { kind: "int", value: -1 } } };
  // y = reshape(softmax(flatten(x)), shape(x))
  const rows = graph.add("Flatten", [step.input(0)], { axis });
  graph.add(
    "Reshape",
    [graph.add(node.operator, [rows], { axis: -1 }), graph.add("Shape", [step.input(0)])],
    {},
    step.output(),
  );
  return undefined;
};

/** BatchNormalization 9 has statistics for each channel only; before, spatial = 0 had them for each element. */
const batchNormalizationOfElements: UpgradeRule = (step) => {
  if (intAttribute(step.node, "spatial", 1) === 1) return step.without("spatial");
  const { graph } = step;
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((index) => step.input(index)) as [
    string,
    string,
    string,
    string,
    string,
  ];
  // y = (x - mean) / sqrt(variance + epsilon) * scale + bias
  const deviation = graph.add("Sqrt", [
    graph.add("Add", [variance, step.float(floatAttribute(step.node, "epsilon", 1e-5), 4)]),
  ]);
  graph.add(
    "Add",
    [graph.add("Mul", [graph.add("Div", [graph.add("Sub", [x, mean]), deviation]), scale]), bias],
    {},
    step.output(),
  );
  return undefined;
};

/** BatchNormalization 14 says by an attribute whether it trains; before, its further outputs said so. */
const batchNormalizationOutputs: UpgradeRule = (step) => {
  if ([1, 2, 3, 4].some((index) => step.isUsed(index)))
    return step.refuse("its training outputs are used; export the model for inference");
  return { ...step.node, outputs: step.node.outputs.slice(0, 1) };
};

/** GroupNormalization 21: scale and bias are for each channel, before for each group. */
const groupNormalizationChannels: UpgradeRule = (step) => {
  const { node, graph } = step;
  const groups = intAttribute(node, "num_groups") ?? step.refuse("num_groups is missing");
  const channels = step.shape(0)?.[1];
  if (groups < 1 || (typeof channels === "number" && channels % groups !== 0))
    return step.refuse(`its ${String(channels)} channels do not fall into ${groups} groups`);
  const spread = (index: number): string => {
    const constant = step.constant(index);
    if (typeof channels === "number" && constant?.dataType === "float32") {
      return graph.constant(
        float32Tensor(toNumbers(constant).flatMap((value) => Array.from({ length: channels / groups }, () => value))),
      );
    }
    const perGroup =
      typeof channels === "number"
        ? graph.int64([1, channels / groups])
        : graph.add(
            "Concat",
            [
              graph.int64([1]),
              graph.add("Div", [graph.add("Shape", [step.input(0)], { start: 1, end: 2 }), graph.int64([groups])]),
            ],
            { axis: 0 },
          );
    return graph.add("Reshape", [
      graph.add("Expand", [graph.add("Reshape", [step.input(index), graph.int64([groups, 1])]), perGroup]),
      graph.int64([-1]),
    ]);
  };
  return { ...node, inputs: [step.input(0), spread(1), spread(2)] };
};

/** RoiAlign 16: the half-pixel shift became the default; before there was none. */
const roiAlignWithoutShift: UpgradeRule = ({ node }) => ({
  ...node,
  attributes: { ...node.attributes, coordinate_transformation_mode: { kind: "string", value: "output_half_pixel" } },
});

/** Scatter was renamed. */
const scatterElements: UpgradeRule = ({ node }) => ({ ...node, operator: "ScatterElements" });

/** GridSample 20 renamed two of its modes. */
const gridSampleModes: UpgradeRule = ({ node }) => {
  const names: Record<string, string> = { bilinear: "linear", bicubic: "cubic" };
  const mode = stringAttribute(node, "mode", "bilinear");
  return { ...node, attributes: { ...node.attributes, mode: { kind: "string", value: names[mode] ?? mode } } };
};

function resizeNode(step: UpgradeStep, input: string, scales: string, nearest: string, output: string): Node {
  const mode = stringAttribute(step.node, "mode", "nearest");
  return {
    name: step.node.name,
    operator: "Resize",
    domain: "",
    inputs: [input, "", scales],
    outputs: [output],
    attributes: {
      mode: { kind: "string", value: mode === "bilinear" ? "linear" : mode },
      coordinate_transformation_mode: { kind: "string", value: "asymmetric" },
      nearest_mode: { kind: "string", value: nearest },
    },
  };
}

/** Upsample 10 and Resize 11: pixel i of the output lay at i / scale; nearest took the pixel before it enlarging, after it reducing. */
const asymmetricResize: UpgradeRule = (step) => {
  const mode = stringAttribute(step.node, "mode", "nearest");
  const constant = step.constant(1);
  const scales = constant && toNumbers(constant);
  const reduces = scales?.some((scale) => scale < 1) ?? false;
  if (mode !== "nearest" || step.node.operator === "Upsample" || (scales && !reduces))
    return resizeNode(step, step.input(0), step.input(1), "floor", step.output());
  if (!scales) return step.refuse("its scales are computed, so that enlarging and reducing cannot be told apart");
  if (scales.every((scale) => scale <= 1)) return resizeNode(step, step.input(0), step.input(1), "ceil", step.output());
  const enlarged = step.graph.freshName("Resize");
  step.graph.graph.nodes.push({
    ...resizeNode(
      step,
      step.input(0),
      step.graph.float32(scales.map((scale) => Math.max(scale, 1))),
      "floor",
      enlarged,
    ),
    name: `${enlarged}/node`,
  });
  return resizeNode(
    step,
    enlarged,
    step.graph.float32(scales.map((scale) => Math.min(scale, 1))),
    "ceil",
    step.output(),
  );
};

/** Resize 13 gave up one coordinate mode; 18 wants one of scales and sizes, and no empty tensors for the other. */
const resizeInputs: UpgradeRule = (step) => {
  const attributes = { ...step.node.attributes };
  if (stringAttribute(step.node, "coordinate_transformation_mode", "half_pixel") === "tf_half_pixel_for_nn") {
    if (
      stringAttribute(step.node, "mode", "nearest") !== "nearest" ||
      stringAttribute(step.node, "nearest_mode", "round_prefer_floor") !== "floor"
    ) {
      return step.refuse("tf_half_pixel_for_nn is kept for nearest neighbours by floor only");
    }
    // floor((i + 1/2) / scale) = round((i + 1/2) / scale - 1/2), halves up
    attributes["coordinate_transformation_mode"] = { kind: "string", value: "half_pixel" };
    attributes["nearest_mode"] = { kind: "string", value: "round_prefer_ceil" };
  }
  const crops = stringAttribute(step.node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
  const [x = "", roi = "", scales = "", sizes = ""] = step.node.inputs;
  return { ...step.node, attributes, inputs: [x, crops ? roi : "", ...(sizes === "" ? [scales] : ["", sizes])] };
};

export const semanticUpgrades: Readonly<Record<string, readonly Upgrade[]>> = {
  Softmax: [{ since: 13, apply: flattenedAxis }],
  LogSoftmax: [{ since: 13, apply: flattenedAxis }],
  Hardmax: [{ since: 13, apply: flattenedAxis }],
  BatchNormalization: [
    { since: 14, apply: batchNormalizationOutputs },
    { since: 9, apply: batchNormalizationOfElements },
  ],
  GroupNormalization: [{ since: 21, apply: groupNormalizationChannels }],
  RoiAlign: [{ since: 16, apply: roiAlignWithoutShift }],
  Scatter: [{ since: 11, apply: scatterElements }],
  GridSample: [{ since: 20, apply: gridSampleModes }],
  Upsample: [{ since: 10, apply: asymmetricResize }],
  Resize: [{ since: 18, apply: (step) => (step.opset < 11 ? asymmetricResize(step) : resizeInputs(step)) }],
  Scan: [{ since: 9, apply: (step) => step.refuse("its inputs were laid out differently") }],
};
