import { floatAttribute, floatsAttribute, intAttribute, intsAttribute } from "../attributes";
import { float32Tensor } from "../tensor";
import type { Upgrade, UpgradeRule } from "./upgrade-step";

/** Squeeze, Unsqueeze and ReduceSum 13, the other reductions 18: axes became the second input. */
const axesToInput: UpgradeRule = (step) => {
  const axes = intsAttribute(step.node, "axes");
  const node = step.without("axes");
  return axes && axes.length > 0 ? { ...node, inputs: [step.input(0), step.graph.int64(axes)] } : node;
};

/** Split 13: the parts became an input. */
const splitToInput: UpgradeRule = (step) => {
  const parts = intsAttribute(step.node, "split");
  return parts ? { ...step.without("split"), inputs: [step.input(0), step.graph.int64(parts)] } : step.node;
};

/** Split 18: equal parts are asked for by their number. */
const splitCount: UpgradeRule = ({ node }) =>
  node.inputs.length > 1
    ? node
    : { ...node, attributes: { ...node.attributes, num_outputs: { kind: "int", value: node.outputs.length } } };

/** Slice 10: bounds and axes became inputs. */
const sliceToInputs: UpgradeRule = (step) => {
  const [starts, ends, axes] = ["starts", "ends", "axes"].map((name) => intsAttribute(step.node, name));
  if (!starts || !ends) return step.refuse("its bounds are missing");
  return {
    ...step.without("starts", "ends", "axes"),
    inputs: [
      step.input(0),
      step.graph.int64(starts),
      step.graph.int64(ends),
      ...(axes ? [step.graph.int64(axes)] : []),
    ],
  };
};

/** Pad 11: the widths and the value became inputs. */
const padToInputs: UpgradeRule = (step) => {
  const pads = intsAttribute(step.node, "pads");
  const value = floatAttribute(step.node, "value", 0);
  if (!pads) return step.refuse("its widths are missing");
  return {
    ...step.without("pads", "value"),
    inputs: [step.input(0), step.graph.int64(pads), ...(value === 0 ? [] : [step.float(value, 0)])],
  };
};

/** Clip 11: the limits became inputs. */
const clipToInputs: UpgradeRule = (step) => {
  const [least, most] = [floatAttribute(step.node, "min"), floatAttribute(step.node, "max")];
  const limits = [least, most].map((limit) => (limit === undefined ? "" : step.float(limit, 0)));
  return {
    ...step.without("min", "max"),
    inputs: [step.input(0), ...(most === undefined ? limits.slice(0, least === undefined ? 0 : 1) : limits)],
  };
};

/** Dropout 12: the ratio became an input; inference stays the default. */
const dropoutToInput: UpgradeRule = (step) => {
  if (step.opset < 10 && step.isUsed(1)) return step.refuse("its mask, a float in older sets, is used");
  const ratio = floatAttribute(step.node, "ratio");
  return {
    ...step.without("ratio"),
    inputs: [step.input(0), ...(ratio === undefined ? [] : [step.graph.float32(ratio)])],
  };
};

/** TopK 10: the count became an input. */
const topKToInput: UpgradeRule = (step) => ({
  ...step.without("k"),
  inputs: [step.input(0), step.graph.int64([intAttribute(step.node, "k") ?? step.refuse("its count is missing")])],
});

/** Upsample 9: the scales became an input. */
const upsampleToInput: UpgradeRule = (step) => {
  const scales = floatsAttribute(step.node, "scales") ?? step.refuse("its scales are missing");
  return { ...step.without("scales"), inputs: [step.input(0), step.graph.constant(float32Tensor(scales))] };
};

/** DFT 20: the axis became an input, and its default changed from 1 to -2. */
const dftToInput: UpgradeRule = (step) => ({
  ...step.without("axis"),
  inputs: [step.input(0), step.node.inputs[1] ?? "", step.graph.int64(intAttribute(step.node, "axis", 1))],
});

const reductionsOf18 = [
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceMax",
  "ReduceMean",
  "ReduceMin",
  "ReduceProd",
  "ReduceSumSquare",
];

export const attributeUpgrades: Readonly<Record<string, readonly Upgrade[]>> = {
  Squeeze: [{ since: 13, apply: axesToInput }],
  Unsqueeze: [{ since: 13, apply: axesToInput }],
  ReduceSum: [{ since: 13, apply: axesToInput }],
  ...Object.fromEntries(reductionsOf18.map((operator) => [operator, [{ since: 18, apply: axesToInput }]])),
  Split: [
    { since: 13, apply: splitToInput },
    { since: 18, apply: splitCount },
  ],
  Slice: [{ since: 10, apply: sliceToInputs }],
  Pad: [{ since: 11, apply: padToInputs }],
  Clip: [{ since: 11, apply: clipToInputs }],
  Dropout: [{ since: 12, apply: dropoutToInput }],
  TopK: [{ since: 10, apply: topKToInput }],
  Upsample: [{ since: 9, apply: upsampleToInput }],
  DFT: [{ since: 20, apply: dftToInput }],
};
