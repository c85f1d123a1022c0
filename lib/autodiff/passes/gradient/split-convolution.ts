import { intAttribute } from "../../../onnx/attributes";
import { Rewriting, type Pass } from "../rewriting";

/** Conv → Split over channels becomes one Conv a part, each with its rows of the weights: nothing is made whole to be cut up. */
export const splitConvolution: Pass = (model) => {
  const rewriting = new Rewriting(model, "rows");
  for (const split of rewriting.nodes("Split")) {
    const convolution = rewriting.ownProducer(split.inputs[0], "Conv");
    const weights = rewriting.constant(convolution?.inputs[1]);
    if (!convolution || !weights || intAttribute(split, "axis", 0) !== 1 || intAttribute(convolution, "group", 1) !== 1)
      continue;
    const channels = split.outputs.map((name) => rewriting.shape(name)?.[1]);
    const bias = rewriting.constant(convolution.inputs[2]);
    if (!channels.every((count) => count !== undefined) || (convolution.inputs[2] && !bias)) continue;
    rewriting.remove(convolution);
    rewriting.remove(split);
    const [, ...rest] = weights.dims;
    const size = (weights.data as Float32Array).length / (weights.dims[0] ?? 1);
    let from = 0;
    split.outputs.forEach((output, index) => {
      const count = channels[index] as number;
      const inputs = [
        convolution.inputs[0] as string,
        rewriting.weights(
          (weights.data as Float32Array).slice(from * size, (from + count) * size),
          [count, ...rest],
          convolution.inputs[1] as string,
        ),
      ];
      if (bias)
        inputs.push(
          rewriting.weights(
            (bias.data as Float32Array).slice(from, from + count),
            [count],
            convolution.inputs[2] as string,
          ),
        );
      if (output !== "") rewriting.builder.add("Conv", inputs, convolution.attributes, output);
      from += count;
    });
  }
  return rewriting.finish();
};
