import { ModelError, UserError } from "../contract/errors";
import { imageNetNormalisation, type Normalisation } from "../contract/normalisation";
import type { Model, Tensor } from "../onnx/model";
import type { InitialisationConvention, NetworkDefinition, NetworkMode, NetworkOptions } from "./network";
import { NetworkWriter } from "./network-writer";

const networkOpset = 18;

export interface Topology {
  readonly name: string;
  readonly initialisation: InitialisationConvention;
  readonly featureLayer: string;
  /** Height and width when the caller names none; undefined leaves them open. */
  readonly defaultSize?: number;
  /** Heights and widths must be multiples of this, and no smaller. */
  readonly sizeMultiple?: number;
  readonly smallestSize?: number;
  /** ImageNet's mean and deviation unless told. */
  readonly normalisation?: Normalisation;
  write(net: NetworkWriter, size: number | undefined, classes: number): void;
}

/** Turns a topology into a definition by writing it once for its parameters, and again for every model. */
export function defineNetwork(topology: Topology, options: NetworkOptions): NetworkDefinition {
  const { classes, channels = 3 } = options;
  const size = options.size ?? topology.defaultSize;
  checkCount(topology.name, "classes", classes);
  checkCount(topology.name, "input channels", channels);
  if (size !== undefined) checkSize(topology, size);

  const write = (mode: NetworkMode): NetworkWriter => {
    const net = new NetworkWriter(topology.name, mode, channels, size);
    topology.write(net, size, classes);
    return net;
  };
  const { parameters, ignored, aliases, stages } = write("inference");
  const { dropouts, paths, runningStatistics } = write("training");
  return {
    name: topology.name,
    classes,
    channels,
    size,
    parameters,
    ignored,
    aliases,
    stages,
    dropouts,
    paths,
    normalisation: topology.normalisation ?? imageNetNormalisation,
    runningStatistics,
    initialisation: topology.initialisation,
    featureLayer: topology.featureLayer,
    build(weights, { mode = "inference" } = {}): Model {
      const { graph } = write(mode);
      for (const { name } of parameters) graph.initializers.set(name, weightOf(topology.name, weights, name));
      return {
        irVersion: 8,
        producerName: "cytolens",
        producerVersion: "",
        opsets: new Map([["", networkOpset]]),
        graph,
        metadata: new Map([["network", topology.name]]),
      };
    },
  };
}

function weightOf(network: string, weights: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = weights.get(name);
  if (!tensor)
    throw new ModelError(
      "weights.missing",
      `Expected weights for ${name} of ${network} but received none under that name`,
    );
  return tensor;
}

function checkCount(network: string, what: string, count: number): void {
  if (!Number.isInteger(count) || count < 1) {
    throw new UserError(
      "network.options",
      `Expected a whole number of ${what}, at least 1, for ${network} but received ${count}`,
    );
  }
}

function checkSize({ name, sizeMultiple = 1, smallestSize = sizeMultiple }: Topology, size: number): void {
  if (Number.isInteger(size) && size >= smallestSize && size % sizeMultiple === 0) return;
  const multiple = sizeMultiple > 1 ? `a multiple of ${sizeMultiple}` : "a whole number";
  throw new UserError(
    "network.size",
    `Expected ${multiple}, at least ${smallestSize}, as the input size of ${name} but received ${size}`,
  );
}
