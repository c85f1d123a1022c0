import type { Tensor } from "../onnx/model";
import { elementCount, float32Tensor } from "../onnx/tensor";
import { CounterRandom } from "../random/counter-random";
import type { InitialisationConvention, NetworkDefinition, ParameterSpec } from "./network";

/**
 * New weights for every parameter, by the convention of the network's public implementation: normalisation starts as
 * the identity, convolutions as He et al. (Delving deep into rectifiers, ICCV 2015) or PyTorch's default have it.
 * A tensor depends on the seed and its own name alone, so that another head leaves the backbone as it was.
 */
export function initializeWeights(network: NetworkDefinition, seed: number): Map<string, Tensor> {
  return new Map(
    network.parameters.map((parameter) => [parameter.name, initialTensor(parameter, network.initialisation, seed)]),
  );
}

export function initialTensor(parameter: ParameterSpec, convention: InitialisationConvention, seed: number): Tensor {
  const data = new Float32Array(elementCount(parameter.shape));
  const draw = generatorOf(parameter, convention, new CounterRandom(seed, ...wordsOf(parameter.name)));
  for (let index = 0; index < data.length; index++) data[index] = draw();
  return float32Tensor(data, parameter.shape);
}

function generatorOf(
  { role, shape, fanIn, head }: ParameterSpec,
  convention: InitialisationConvention,
  random: CounterRandom,
): () => number {
  const uniform = (bound: number) => () => random.uniform(-bound, bound);
  const normal = (deviation: number) => () => random.normal(0, deviation);
  const byFanIn = uniform(1 / Math.sqrt(fanIn));
  switch (role) {
    case "scale":
    case "running-variance":
      return () => 1;
    case "shift":
    case "running-mean":
      return () => 0;
    case "linear":
      return byFanIn;
    case "bias":
      return head && convention.linearBias === "zero" ? () => 0 : byFanIn;
    case "convolution": {
      if (convention.convolution === "uniform-fan-in") return byFanIn;
      const [out = 1, , height = 1, width = 1] = shape;
      return normal(Math.sqrt(2 / (convention.convolution === "he-fan-out" ? out * height * width : fanIn)));
    }
  }
}

/** Two words that tell the streams of two names apart. */
function wordsOf(name: string): [number, number] {
  const bytes = [...new TextEncoder().encode(name)];
  return [fnv1a(bytes), fnv1a(bytes.toReversed())];
}

/** FNV-1a of 32 bits (Fowler, Noll and Vo). */
function fnv1a(bytes: readonly number[]): number {
  return bytes.reduce((state, byte) => Math.imul(state ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
}
