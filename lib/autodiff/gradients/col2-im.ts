import { intsAttribute } from "../../onnx/attributes";
import { toNumbers } from "../../onnx/tensor";
import { tapOffsets, tapSlice } from "../emission/convolution-weight-gradient";
import { dividedBy, extentOf, minus, plus, product, reshape, type Extent } from "../emission/extents";
import { coverage, padSpatially, type SlidingWindow } from "../emission/sliding-window";
import { unaryRule } from "../gradient-rule";

/** Col2Im adds up blocks where they overlap: its gradient cuts the blocks out again. */
export const col2ImGradient = unaryRule((context, dY) => {
  const { graph, node } = context;
  const y = context.output(0);
  const kernel = toNumbers(
    context.constantValue(context.input(2)) ?? context.refuse("its block_shape is not constant"),
  );
  const ones = kernel.map(() => 1);
  const pads = intsAttribute(node, "pads") ?? kernel.flatMap(() => [0, 0]);
  const window: SlidingWindow = {
    kernel,
    strides: intsAttribute(node, "strides") ?? ones,
    dilations: intsAttribute(node, "dilations") ?? ones,
    begin: pads.slice(0, kernel.length),
    end: pads.slice(kernel.length),
  };
  const steps = kernel.map((_, axis): Extent => {
    const padded = plus(
      context,
      plus(context, extentOf(context, y, axis + 2), window.begin[axis] ?? 0),
      window.end[axis] ?? 0,
    );
    return plus(
      context,
      dividedBy(context, minus(context, padded, coverage(window, axis)), window.strides[axis] ?? 1),
      1,
    );
  });
  const [batch, channels, blocks] = [extentOf(context, y, 0), extentOf(context, y, 1), product(context, steps)];
  const image = padSpatially(context, dY, window.begin, window.end);
  // dX[tap] = dY where the tap of every block was added
  const cut = tapOffsets(window).map((offset) =>
    reshape(context, tapSlice(context, image, window, offset, steps), [batch, channels, 1, blocks]),
  );
  return graph.add("Reshape", [
    cut.length === 1 ? (cut[0] ?? dY) : graph.add("Concat", cut, { axis: 2 }),
    context.shapeTensor(context.input(0)),
  ]);
});
