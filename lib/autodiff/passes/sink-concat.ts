import { intAttribute } from "../../onnx/attributes";
import type { Node } from "../../onnx/model";
import { affineOf } from "./fold-batch-normalization";
import { Rewriting, type Pass } from "./rewriting";

/** As many channels as make a part worth its own kernels: four new features of a DenseNet121. */
const channelsOfPart = 128;

interface Part {
  readonly value: string;
  readonly channels: number;
}

/**
 * Concat → BatchNormalization → Relu → Conv becomes BatchNormalization → Relu on each part, and only then Concat. Backward,
 * the convolution's gradient is then cut where it arises (see `split-convolution`), part by part, instead of being
 * made whole and cut up afterwards. Inputs are joined into parts of 128 channels first; parts are shared by every Concat that
 * begins with the same inputs, as those of a dense block do.
 */
export const sinkConcat: Pass = (model) => {
  const rewriting = new Rewriting(model, "parts");
  const shared = new Map<string, Part>();
  for (const concat of rewriting.nodes("Concat")) {
    const chain = chainAfter(rewriting, concat);
    if (!chain) continue;
    const parts = partsOf(rewriting, concat, shared);
    if (!parts || parts.length < 2) continue;
    const [normalisation, relu] = chain;
    const whole = [concat, normalisation, relu];
    for (const node of whole) rewriting.remove(node);
    let from = 0;
    const active = parts.map(({ value, channels }) => {
      const parameters = normalisation.inputs.slice(1).map((name) => sliced(rewriting, name, from, channels));
      from += channels;
      return rewriting.builder.add("Relu", [rewriting.builder.add("BatchNormalization", [value, ...parameters], normalisation.attributes)]);
    });
    rewriting.builder.add("Concat", active, { axis: 1 }, relu.outputs[0]);
  }
  return rewriting.finish();
};

/** The BatchNormalization and the Relu between a Concat over channels and a Conv, if nobody else reads anything of them. */
function chainAfter(rewriting: Rewriting, concat: Node): [Node, Node] | undefined {
  const [output = ""] = concat.outputs;
  if (intAttribute(concat, "axis", 0) !== 1 || rewriting.info(output)?.shape?.length !== 4 || !rewriting.isReadOnce(output)) return undefined;
  const [normalisation] = rewriting.readersOf(output);
  if (normalisation?.operator !== "BatchNormalization" || !affineOf(rewriting, normalisation)) return undefined;
  const [normalised = ""] = normalisation.outputs;
  const [relu] = rewriting.readersOf(normalised);
  if (relu?.operator !== "Relu" || !rewriting.isReadOnce(normalised)) return undefined;
  const [active = ""] = relu.outputs;
  const readers = rewriting.readersOf(active);
  const feedsConvolutions = readers.length > 0 && readers.every(({ operator }) => operator === "Conv") && !rewriting.isOutput(active);
  return feedsConvolutions ? [normalisation, relu] : undefined;
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
  const part = { value: rewriting.builder.add("Concat", pieces.map(({ value }) => value), { axis: 1 }), channels: total(pieces) };
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
