import type { Topology } from "./define-network";
import type { Feature, NetworkWriter } from "./network-writer";

export interface ResNetConfig {
  /** Channels after the stem. */
  readonly width: number;
  /** Bottlenecks in each stage. */
  readonly blocks: readonly number[];
}

export const resnet50Config: ResNetConfig = { width: 64, blocks: [3, 4, 6, 3] };

const expansion = 4;

/**
 * ResNet with bottlenecks whose stride lies in the 3×3 convolution ("v1.5").
 * He et al., Deep residual learning for image recognition, CVPR 2016. Tensor names are torchvision's; the head is
 * Sequential(Dropout 0.5, Linear).
 */
export function resnet50(name: string, { width, blocks }: ResNetConfig): Topology {
  return {
    name,
    featureLayer: `layer${blocks.length}`,
    initialisation: { convolution: "he-fan-out", linearBias: "uniform-fan-in" },
    write(net, _size, classes) {
      let x = net.stage(
        "conv1",
        net.convolution("conv1", net.input, { channels: width, kernel: 7, stride: 2, padding: 3 }),
      );
      x = net.stage("bn1", net.batchNormalization("bn1", x));
      x = net.stage("maxpool", net.maxPool("maxpool", net.relu("relu", x), 3, 2, 1));
      blocks.forEach((count, stage) => {
        for (let unit = 0; unit < count; unit++) {
          const stride = stage > 0 && unit === 0 ? 2 : 1;
          x = bottleneck(net, `layer${stage + 1}.${unit}`, x, width * 2 ** stage, stride, unit === 0);
        }
        x = net.stage(`layer${stage + 1}`, x);
      });
      x = net.stage("avgpool", net.globalAveragePool("avgpool", x));
      x = net.dropout("fc.0", net.flatten("flatten", x), 0.5);
      net.aliases.set("fc.weight", "fc.1.weight").set("fc.bias", "fc.1.bias");
      net.output(net.stage("fc", net.linearHead("fc.1", x, classes)), ["batch", classes]);
    },
  };
}

function bottleneck(
  net: NetworkWriter,
  name: string,
  x: Feature,
  middle: number,
  stride: number,
  project: boolean,
): Feature {
  let y = net.convolution(`${name}.conv1`, x, { channels: middle, kernel: 1 });
  y = net.relu(`${name}.relu1`, net.batchNormalization(`${name}.bn1`, y));
  y = net.convolution(`${name}.conv2`, y, { channels: middle, kernel: 3, stride, padding: 1 });
  y = net.relu(`${name}.relu2`, net.batchNormalization(`${name}.bn2`, y));
  y = net.convolution(`${name}.conv3`, y, { channels: middle * expansion, kernel: 1 });
  y = net.batchNormalization(`${name}.bn3`, y);
  if (project) {
    x = net.convolution(`${name}.downsample.0`, x, { channels: middle * expansion, kernel: 1, stride });
    x = net.batchNormalization(`${name}.downsample.1`, x);
  }
  return net.relu(`${name}.relu3`, net.add(`${name}.add`, y, x));
}
