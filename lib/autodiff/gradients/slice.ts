import { toNumbers } from "../../onnx/tensor";
import { unaryRule, type RuleContext } from "../gradient-rule";

/** y is a box of x, with steps, forwards or backwards. */
export const sliceGradient = unaryRule((context, dy) => paddedBack(context, dy) ?? scatteredBack(context, dy));

/** dX = pad(dY) for constant slices of steps 1 along axes of known extent. */
function paddedBack(context: RuleContext, dy: string): string | undefined {
  const x = context.input(0);
  const shape = context.shape(x);
  const starts = constantInts(context, 1);
  const ends = constantInts(context, 2);
  const axes = context.has(3) ? constantInts(context, 3) : starts?.map((_, axis) => axis);
  const steps = context.has(4) ? constantInts(context, 4) : starts?.map(() => 1);
  if (!starts || !ends || !axes || !steps?.every((step) => step === 1)) return undefined;
  const before = shape.map(() => 0);
  const after = shape.map(() => 0);
  for (const [index, given] of axes.entries()) {
    const axis = given < 0 ? given + shape.length : given;
    const extent = shape[axis];
    if (typeof extent !== "number") return undefined;
    const start = clamp(starts[index] ?? 0, extent);
    before[axis] = start;
    after[axis] = extent - Math.max(start, clamp(ends[index] ?? extent, extent));
  }
  return context.graph.add("Pad", [dy, context.graph.int64([...before, ...after])]);
}

/** A bound counted from the end when it is negative, held within 0 and the extent. */
function clamp(bound: number, extent: number): number {
  return Math.min(Math.max(bound < 0 ? bound + extent : bound, 0), extent);
}

function constantInts(context: RuleContext, index: number): number[] | undefined {
  const tensor = context.has(index) ? context.constantValue(context.input(index)) : undefined;
  return tensor && toNumbers(tensor);
}

/** dX[place of y in x] = dY, zeros elsewhere: the places are the same slice of the positions 0, 1, 2, … of x. */
function scatteredBack(context: RuleContext, dy: string): string {
  const { graph } = context;
  const x = context.input(0);
  const shape = context.shapeTensor(x);
  const count = graph.add("Size", [x]);
  const positions = graph.add("Reshape", [graph.add("Range", [graph.int64(0), count, graph.int64(1)]), shape]);
  const places = graph.add("Slice", [positions, ...context.node.inputs.slice(1)]);
  const flat = graph.int64([-1]);
  const zeros = graph.add("Reshape", [context.zerosLike(x), flat]);
  const filled = graph.add(
    "ScatterElements",
    [zeros, graph.add("Reshape", [places, flat]), graph.add("Reshape", [dy, flat])],
    { axis: 0 },
  );
  return graph.add("Reshape", [filled, shape]);
}
