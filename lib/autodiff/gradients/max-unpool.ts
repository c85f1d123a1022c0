import { unaryRule } from "../gradient-rule";

/** MaxUnpool: every element went to the flat position its index tells. */
export const maxUnpoolGradient = unaryRule((context, dY) => {
  const { graph } = context;
  const flat = graph.int64([-1]);
  const indices = context.input(1);
  // dX = dY at the indices
  const taken = graph.add("Gather", [graph.add("Reshape", [dY, flat]), graph.add("Reshape", [indices, flat])], {
    axis: 0,
  });
  return graph.add("Reshape", [taken, context.shapeTensor(context.input(0))]);
});
