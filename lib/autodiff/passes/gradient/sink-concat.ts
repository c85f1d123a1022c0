import { intAttribute } from "../../../onnx/attributes";
import type { Node, Tensor } from "../../../onnx/model";
import { affineOf } from "./fold-batch-normalization";
import { Rewriting, type Pass } from "../rewriting";

/** As many channels as make a part worth its own kernels: four new features of a DenseNet121. */
const channelsOfPart = 128;

interface Part {
  readonly value: string;
  readonly channels: number;
}

/**
 * Concat → BatchNormalization → Relu → Conv becomes BatchNormalization → Relu → Conv on each part, and the sum of the results:
 * nothing is copied together, and backward the gradient of each part arises by itself instead of being made whole and cut up
 * (onnxruntime adds up within the convolutions). Inputs are joined into parts of 128 channels first; parts are shared by every
 * Concat that begins with the same inputs, as those of a dense block do.
 */
export const sinkConcat: Pass = (model) => {
  const rewriting = new Rewriting(model, "parts");
  const shared = new Map<string, Part>();
  for (const concat of rewriting.nodes("Concat")) {
    const chain = chainAfter(rewriting, concat);
    if (!chain) continue;
    const parts = partsOf(rewriting, concat, shared);
    if (!parts || parts.length < 2) continue;
    const { normalisation, relu, convolutions } = chain;
    for (const node of [concat, normalisation, relu, ...convolutions]) rewriting.remove(node);
    let from = 0;
    const active = parts.map(({ value, channels }) => {
      const parameters = normalisation.inputs.slice(1).map((name) => sliced(rewriting, name, from, channels));
      from += channels;
      return rewriting.builder.add("Relu", [
        rewriting.builder.add("BatchNormalization", [value, ...parameters], normalisation.attributes),
      ]);
    });
    for (const convolution of convolutions) addUp(rewriting, convolution, active, parts);
  }
  return rewriting.finish();
};

interface Chain {
  readonly normalisation: Node;
  readonly relu: Node;
  readonly convolutions: readonly Node[];
}

/** What follows a Concat over channels, if it is a BatchNormalization, a Relu and convolutions, and nobody else reads anything of it. */
function chainAfter(rewriting: Rewriting, concat: Node): Chain | undefined {
  const [output = ""] = concat.outputs;
  if (
    intAttribute(concat, "axis", 0) !== 1 ||
    rewriting.info(output)?.shape?.length !== 4 ||
    !rewriting.isReadOnce(output)
  )
    return undefined;
  const [normalisation] = rewriting.readersOf(output);
  if (normalisation?.operator !== "BatchNormalization" || !affineOf(rewriting, normalisation)) return undefined;
  const [normalised = ""] = normalisation.outputs;
  const [relu] = rewriting.readersOf(normalised);
  if (relu?.operator !== "Relu" || !rewriting.isReadOnce(normalised)) return undefined;
  const [active = ""] = relu.outputs;
  const convolutions = rewriting.readersOf(active);
  const feedsConvolutions =
    convolutions.length > 0 &&
    !rewriting.isOutput(active) &&
    convolutions.every(
      (node) =>
        node.operator === "Conv" &&
        intAttribute(node, "group", 1) === 1 &&
        node.inputs[0] === active &&
        rewriting.constant(node.inputs[1]),
    );
  return feedsConvolutions ? { normalisation, relu, convolutions } : undefined;
}

/** conv(concat(x₁, x₂, …)) = conv₁(x₁) + conv₂(x₂) + …, each with its columns of the weights; the bias goes with the first. */
function addUp(rewriting: Rewriting, convolution: Node, values: readonly string[], parts: readonly Part[]): void {
  const weights = rewriting.constant(convolution.inputs[1]);
  if (!weights) return;
  let from = 0;
  let sum: string | undefined;
  values.forEach((value, index) => {
    const channels = parts[index]?.channels ?? 0;
    const inputs = [
      value,
      rewriting.weights(
        columns(weights, from, channels),
        [weights.dims[0] ?? 0, channels, ...weights.dims.slice(2)],
        convolution.inputs[1] as string,
      ),
    ];
    if (index === 0 && convolution.inputs[2]) inputs.push(convolution.inputs[2]);
    const term = rewriting.builder.add("Conv", inputs, convolution.attributes);
    sum =
      sum === undefined
        ? term
        : rewriting.builder.add(
            "Add",
            [term, sum],
            {},
            index === values.length - 1 ? convolution.outputs[0] : undefined,
          );
    from += channels;
  });
}

function columns({ data, dims: [rows = 0, whole = 0, ...kernel] }: Tensor, from: number, count: number): Float32Array {
  const taps = kernel.reduce((product, extent) => product * extent, 1);
  const result = new Float32Array(rows * count * taps);
  for (let row = 0; row < rows; row++) {
    const start = (row * whole + from) * taps;
    result.set((data as Float32Array).subarray(start, start + count * taps), row * count * taps);
  }
  return result;
}

function partsOf(rewriting: Rewriting, concat: Node, shared: Map<string, Part>): Part[] | undefined {
  const parts: Part[] = [];
  let open: Part[] = [];
  for (const value of concat.inputs) {
    const channels = rewriting.info(value)?.shape?.[1];
    if (typeof channels !== "number") return undefined;
    open.push({ value, channels });
    if (total(open) < channelsOfPart) continue;
    parts.push(joined(rewriting, open, shared));
    open = [];
  }
  return [...parts, ...(open.length > 0 ? [joined(rewriting, open, shared)] : [])];
}

function joined(rewriting: Rewriting, pieces: readonly Part[], shared: Map<string, Part>): Part {
  const [only, ...others] = pieces;
  if (only && others.length === 0) return only;
  const key = pieces.map(({ value }) => value).join("\u0000");
  const known = shared.get(key);
  if (known) return known;
  const part = {
    value: rewriting.builder.add(
      "Concat",
      pieces.map(({ value }) => value),
      { axis: 1 },
    ),
    channels: total(pieces),
  };
  shared.set(key, part);
  return part;
}

function total(pieces: readonly Part[]): number {
  return pieces.reduce((sum, { channels }) => sum + channels, 0);
}

function sliced(rewriting: Rewriting, name: string, from: number, count: number): string {
  const data = rewriting.constant(name)?.data as Float32Array;
  return rewriting.weights(data.slice(from, from + count), [count], name);
}
