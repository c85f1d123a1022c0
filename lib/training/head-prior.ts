import type { NetworkDefinition } from "../networks/network";
import type { Tensor } from "../onnx/model";
import { float32Tensor } from "../onnx/tensor";

/** The weights with an offset a class added to the head's bias; as they are where there are no offsets. */
export function withPrior(
  network: NetworkDefinition,
  weights: Readonly<Record<string, Tensor>>,
  offsets: readonly number[] | undefined,
): Readonly<Record<string, Tensor>> {
  const bias = network.parameters.find(({ head, role }) => head && role === "bias");
  const tensor = bias && weights[bias.name];
  if (!offsets || !bias || !tensor) return weights;
  const data = (tensor.data as Float32Array).map((value, label) => value + (offsets[label] ?? 0));
  return { ...weights, [bias.name]: float32Tensor(data, tensor.dims) };
}
