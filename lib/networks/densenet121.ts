import { channelAttention } from "./channel-attention";
import type { Topology } from "./define-network";
import type { Feature, NetworkWriter } from "./network-writer";

export interface DenseNetConfig {
  /** New channels a dense layer adds. */
  readonly growth: number;
  /** Dense layers in each block. */
  readonly blocks: readonly number[];
  /** Channels after the stem. */
  readonly init: number;
  /** Reduction of the channel attention on the very last dense layer; left out: none. */
  readonly attention?: number;
}

export const densenet121Config: DenseNetConfig = { growth: 32, blocks: [6, 12, 24, 16], init: 64 };

const bottleneckFactor = 4;

/**
 * DenseNet-BC. Huang et al., Densely connected convolutional networks, CVPR 2017. Tensor names are torchvision's; the
 * head is Sequential(Dropout 0.5, Linear). With `attention`, a gate rescales the new channels of the last dense layer
 * before they are concatenated, and that layer becomes Sequential(layer, gate) in the names.
 */
export function densenet121(name: string, { growth, blocks, init, attention }: DenseNetConfig): Topology {
  return {
    name,
    featureLayer: "features.relu5",
    smallestSize: 2 ** (blocks.length + 1),
    initialisation: { convolution: "he-fan-in", linearBias: "zero" },
    write(net, _size, classes) {
      let x = net.stage(
        "features.conv0",
        net.convolution("features.conv0", net.input, { channels: init, kernel: 7, stride: 2, padding: 3 }),
      );
      x = net.stage("features.norm0", net.batchNormalization("features.norm0", x));
      x = net.stage("features.relu0", net.relu("features.relu0", x));
      x = net.stage("features.pool0", net.maxPool("features.pool0", x, 3, 2, 1));
      blocks.forEach((count, index) => {
        const last = index === blocks.length - 1;
        const gated = last ? attention : undefined;
        x = net.stage(
          `features.denseblock${index + 1}`,
          denseBlock(net, `features.denseblock${index + 1}`, x, count, growth, gated),
        );
        if (!last)
          x = net.stage(`features.transition${index + 1}`, transition(net, `features.transition${index + 1}`, x));
      });
      x = net.stage("features.norm5", net.batchNormalization("features.norm5", x));
      x = net.stage("features.relu5", net.relu("features.relu5", x));
      x = net.flatten("flatten", net.globalAveragePool("avgpool", x));
      x = net.dropout("classifier.0", x, 0.5);
      net.aliases.set("classifier.weight", "classifier.1.weight").set("classifier.bias", "classifier.1.bias");
      net.output(net.stage("classifier", net.linearHead("classifier.1", x, classes)), ["batch", classes]);
    },
  };
}

function denseBlock(
  net: NetworkWriter,
  name: string,
  x: Feature,
  count: number,
  growth: number,
  attention: number | undefined,
): Feature {
  const features = [x];
  for (let index = 1; index <= count; index++) {
    const layer = `${name}.denselayer${index}`;
    const seen = features.length === 1 ? x : net.concat(`${layer}.concat`, features);
    if (attention !== undefined && index === count) {
      features.push(channelAttention(net, `${layer}.1`, denseLayer(net, `${layer}.0`, seen, growth), attention));
    } else {
      features.push(denseLayer(net, layer, seen, growth));
    }
  }
  return net.concat(name, features);
}

function denseLayer(net: NetworkWriter, name: string, x: Feature, growth: number): Feature {
  let y = net.relu(`${name}.relu1`, net.batchNormalization(`${name}.norm1`, x));
  y = net.convolution(`${name}.conv1`, y, { channels: bottleneckFactor * growth, kernel: 1 });
  y = net.relu(`${name}.relu2`, net.batchNormalization(`${name}.norm2`, y));
  return net.convolution(`${name}.conv2`, y, { channels: growth, kernel: 3, padding: 1 });
}

function transition(net: NetworkWriter, name: string, x: Feature): Feature {
  const y = net.relu(`${name}.relu`, net.batchNormalization(`${name}.norm`, x));
  const halved = net.convolution(`${name}.conv`, y, { channels: Math.floor(x.channels / 2), kernel: 1 });
  return net.averagePool(`${name}.pool`, halved, 2, 2);
}
