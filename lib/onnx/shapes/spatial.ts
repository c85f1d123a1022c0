import { floatsAttribute, intAttribute, intsAttribute, stringAttribute } from "../attributes";
import type { Dimension } from "../model";
import { type Inferred, type ShapeContext, type ShapeRule, type ShapeRules, unknownExtents } from "./shape-rule";

interface Window {
  readonly kernel: readonly Dimension[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly autoPad: string;
}

function window({ node }: ShapeContext, kernel: readonly Dimension[]): Window {
  const ones = kernel.map(() => 1);
  return {
    kernel,
    strides: intsAttribute(node, "strides") ?? ones,
    dilations: intsAttribute(node, "dilations") ?? ones,
    pads: intsAttribute(node, "pads") ?? [...ones, ...ones].map(() => 0),
    autoPad: stringAttribute(node, "auto_pad", "NOTSET"),
  };
}

/** How often a window fits: floor or ceil of (extent + pads - span) / stride, plus one (onnx Conv, MaxPool). */
function slide(
  { algebra, opset, node }: ShapeContext,
  extents: readonly Dimension[],
  { kernel, strides, dilations, pads, autoPad }: Window,
  ceil = false,
): Dimension[] {
  return extents.map((extent, index) => {
    const stride = strides[index] ?? 1;
    if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") return algebra.ceilDivide(extent, stride);
    const [before, after] = autoPad === "VALID" ? [0, 0] : [pads[index] ?? 0, pads[extents.length + index] ?? 0];
    const span = algebra.add(algebra.multiply(algebra.subtract(kernel[index] ?? null, 1), dilations[index] ?? 1), 1);
    const room = algebra.subtract(algebra.add(extent, before + after), span);
    const count = algebra.add(ceil ? algebra.ceilDivide(room, stride) : algebra.floorDivide(room, stride), 1);
    // With ceil_mode a window that would begin in the padding after the end is dropped.
    const beginsBeyond =
      ceil && typeof count === "number" && typeof extent === "number" && (count - 1) * stride >= extent + before;
    return beginsBeyond && (opset >= 11 || node.operator !== "LpPool") ? count - 1 : count;
  });
}

const convolution: ShapeRule = (context) => {
  const [x, w] = [context.shape(0), context.shape(1)];
  const rank = x?.length ?? w?.length;
  const dataType = context.node.operator === "ConvInteger" ? "int32" : context.dataType(0);
  if (rank === undefined) return [{ dataType, shape: undefined }];
  const [input, weights] = [x ?? unknownExtents(rank), w ?? unknownExtents(rank)];
  const kernel = intsAttribute(context.node, "kernel_shape") ?? weights.slice(2);
  return [
    {
      dataType,
      shape: [input[0] ?? null, weights[0] ?? null, ...slide(context, input.slice(2), window(context, kernel))],
    },
  ];
};

const convolutionTranspose: ShapeRule = (context) => {
  const { algebra, node } = context;
  const [x, w] = [context.shape(0), context.shape(1)];
  const dataType = context.dataType(0);
  if (!x || !w) return [{ dataType, shape: undefined }];
  const { kernel, strides, dilations, pads, autoPad } = window(
    context,
    intsAttribute(node, "kernel_shape") ?? w.slice(2),
  );
  const outputPadding = intsAttribute(node, "output_padding") ?? [];
  const outputShape = intsAttribute(node, "output_shape");
  const spatial = x.slice(2).map((extent, index) => {
    const chosen = outputShape?.at(index - (x.length - 2));
    if (chosen !== undefined) return chosen;
    const stride = strides[index] ?? 1;
    const [before, after] = autoPad === "VALID" ? [0, 0] : [pads[index] ?? 0, pads[x.length - 2 + index] ?? 0];
    const span = algebra.add(algebra.multiply(algebra.subtract(kernel[index] ?? null, 1), dilations[index] ?? 1), 1);
    if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
      // Padding only ever takes away: a window shorter than the stride leaves the end of the last stride out.
      const missing = typeof span === "number" ? Math.min(span + (outputPadding[index] ?? 0) - stride, 0) : 0;
      return algebra.add(algebra.multiply(extent, stride), missing);
    }
    return algebra.add(
      algebra.add(algebra.multiply(algebra.subtract(extent, 1), stride), span),
      (outputPadding[index] ?? 0) - before - after,
    );
  });
  return [
    { dataType, shape: [x[0] ?? null, algebra.multiply(w[1] ?? null, intAttribute(node, "group", 1)), ...spatial] },
  ];
};

const pool: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const kernel = intsAttribute(context.node, "kernel_shape");
  if (!shape || !kernel)
    return [
      { dataType, shape },
      { dataType: "int64", shape },
    ];
  const pooled = [
    ...shape.slice(0, 2),
    ...slide(context, shape.slice(2), window(context, kernel), intAttribute(context.node, "ceil_mode", 0) === 1),
  ];
  return [
    { dataType, shape: pooled },
    { dataType: "int64", shape: pooled },
  ];
};

const globalPool: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  return [{ dataType, shape: shape?.map((extent, index) => (index < 2 ? extent : 1)) }];
};

const depthToSpace: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const block = intAttribute(context.node, "blocksize", 1);
  if (!shape) return [{ dataType, shape }];
  const [n = null, c = null, h = null, w = null] = shape;
  const { algebra } = context;
  return [
    {
      dataType,
      shape: [n, algebra.floorDivide(c, block * block), algebra.multiply(h, block), algebra.multiply(w, block)],
    },
  ];
};

const spaceToDepth: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  const block = intAttribute(context.node, "blocksize", 1);
  if (!shape) return [{ dataType, shape }];
  const [n = null, c = null, h = null, w = null] = shape;
  const { algebra } = context;
  return [
    {
      dataType,
      shape: [n, algebra.multiply(c, block * block), algebra.floorDivide(h, block), algebra.floorDivide(w, block)],
    },
  ];
};

/** Inputs X, roi, scales, sizes (from opset 11); X, scales before; scales as an attribute in Upsample 7. */
const resize: ShapeRule = (context) => {
  const { dataType, shape } = context.input(0);
  if (!shape) return [{ dataType, shape }];
  const { node, algebra } = context;
  const early = node.operator === "Upsample" || context.opset < 11;
  const scales = floatsAttribute(node, "scales") ?? context.entries(early ? 1 : 2);
  const sizes = early ? undefined : context.entries(3);
  const axes = (intsAttribute(node, "axes") ?? shape.map((_, axis) => axis)).map((axis) =>
    context.axis(axis, shape.length),
  );
  const given = !early && context.has(3) ? sizes : scales?.length === 0 ? undefined : scales;
  const resized: Dimension[] = [...shape];
  const policy = stringAttribute(node, "keep_aspect_ratio_policy", "stretch");
  axes.forEach((axis, index) => {
    const entry = given?.[index] ?? null;
    const extent = shape[axis] ?? null;
    if (given === sizes && sizes)
      resized[axis] = policy === "stretch" ? entry : keepAspect(shape, axes, sizes, policy, axis);
    else if (entry === 1) resized[axis] = extent;
    // The runtime multiplies in float32.
    else if (typeof entry === "number" && typeof extent === "number")
      resized[axis] = Math.floor(Math.fround(extent * Math.fround(entry)));
    else
      resized[axis] =
        typeof entry === "number" && Number.isInteger(entry)
          ? algebra.multiply(extent, entry)
          : algebra.call("resize", () => 0, extent, entry);
  });
  return [{ dataType, shape: resized }];
};

function keepAspect(
  shape: readonly Dimension[],
  axes: readonly number[],
  sizes: readonly Dimension[],
  policy: string,
  axis: number,
): Dimension {
  const ratios = axes.map((other, index) => Number(sizes[index] ?? NaN) / Number(shape[other] ?? NaN));
  const scale = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  const extent = shape[axis];
  return typeof extent === "number" && Number.isFinite(scale) ? Math.round(extent * scale) : null;
}

const gridSample: ShapeRule = (context) => {
  const [x, grid] = [context.shape(0), context.shape(1)];
  return [{ dataType: context.dataType(0), shape: x && grid ? [...x.slice(0, 2), ...grid.slice(1, -1)] : undefined }];
};

const affineGrid: ShapeRule = (context) => {
  const size = context.entries(1);
  return [
    { dataType: context.dataType(0), shape: size ? [size[0] ?? null, ...size.slice(2), size.length - 2] : undefined },
  ];
};

const roi: ShapeRule = (context): Inferred[] => {
  const [x, regions] = [context.shape(0), context.shape(1)];
  const [height = 1, width = 1] = intsAttribute(context.node, "pooled_shape") ?? [
    intAttribute(context.node, "output_height", 1),
    intAttribute(context.node, "output_width", 1),
  ];
  return [{ dataType: context.dataType(0), shape: [regions?.[0] ?? null, x?.[1] ?? null, height, width] }];
};

const deformConvolution: ShapeRule = (context) => convolution(context);

export const spatialRules: ShapeRules = {
  Conv: convolution,
  ConvInteger: convolution,
  DeformConv: deformConvolution,
  ConvTranspose: convolutionTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Resize: resize,
  Upsample: resize,
  GridSample: gridSample,
  AffineGrid: affineGrid,
  RoiAlign: roi,
  MaxRoiPool: roi,
};
