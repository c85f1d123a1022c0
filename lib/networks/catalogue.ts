import { unknownName } from "../contract/closest-names";
import { UserError } from "../contract/errors";
import { defineNetwork, type Topology } from "./define-network";
import { densenet121, densenet121Config } from "./densenet121";
import type { NetworkDefinition, NetworkOptions } from "./network";
import { efficientnetLite0, efficientnetLite0Config } from "./efficientnet-lite0";
import { residualAttention92, residualAttention92Config } from "./residual-attention-92";
import { resnet50, resnet50Config } from "./resnet50";
import { unet, unetConfig } from "./unet";

const miniDenseNet = { ...densenet121Config, growth: 4, init: 8 };

/** The four classifiers and U-Net at full width, and narrow versions of them for small images. */
const topologies: readonly Topology[] = [
  resnet50("resnet50", resnet50Config),
  residualAttention92("ran92", residualAttention92Config),
  densenet121("densenet121", densenet121Config),
  densenet121("densenet121-rca", { ...densenet121Config, attention: 16 }),
  efficientnetLite0("efficientnet-lite0", efficientnetLite0Config),
  unet("unet", unetConfig),
  densenet121("densenet-rca-small", { growth: 12, blocks: [4, 8, 12, 8], init: 24, attention: 4 }),
  resnet50("resnet50-mini", { width: 8, blocks: [2, 2, 2, 2] }),
  { ...residualAttention92("ran92-mini", { width: 4 }), defaultSize: 64 },
  densenet121("densenet121-mini", miniDenseNet),
  densenet121("densenet121-rca-mini", { ...miniDenseNet, attention: 2 }),
  unet("unet-mini", { width: 8, levels: 3 }),
];

export const networkNames: readonly string[] = topologies.map(({ name }) => name);

/** The network of that name. Throws UserError ("network.unknown", "network.options", "network.size"). */
export function networkNamed(name: string, options: NetworkOptions): NetworkDefinition {
  const topology = topologies.find((candidate) => candidate.name === name);
  if (!topology) throw new UserError("network.unknown", unknownName("network", name, networkNames));
  return defineNetwork(topology, options);
}
