import type { Topology } from "./define-network";
import type { Feature, NetworkWriter, Padding } from "./network-writer";

/** One stage of inverted bottlenecks: only the first block of it strides and widens. */
interface Stage {
  readonly kernel: number;
  readonly repeats: number;
  readonly channels: number;
  readonly expansion: number;
  readonly stride: number;
}

export interface EfficientNetConfig {
  readonly stem: number;
  readonly stages: readonly Stage[];
  readonly head: number;
}

const stage = (kernel: number, repeats: number, channels: number, expansion: number, stride: number): Stage => ({
  kernel,
  repeats,
  channels,
  expansion,
  stride,
});

export const efficientnetLite0Config: EfficientNetConfig = {
  stem: 32,
  stages: [
    stage(3, 1, 16, 1, 1),
    stage(3, 2, 24, 6, 2),
    stage(5, 2, 40, 6, 2),
    stage(3, 3, 80, 6, 2),
    stage(5, 3, 112, 6, 1),
    stage(5, 4, 192, 6, 2),
    stage(3, 1, 320, 6, 1),
  ],
  head: 1280,
};

const dropoutRatio = 0.2;
const normalisation = { epsilon: 1e-3, keptShare: 0.99 };

/**
 * EfficientNet-Lite: EfficientNet (Tan and Le, ICML 2019) without squeeze-and-excitation and with ReLU6, as TensorFlow's TPU
 * repository published it in 2020. Convolutions are padded as TensorFlow's SAME has it, so that at stride 2 the odd row and
 * column are at the end. Tensor names are those of the common PyTorch port. Its own normalisation of pixels is (x − 127) / 128.
 */
export function efficientnetLite0(name: string, { stem, stages, head }: EfficientNetConfig): Topology {
  return {
    name,
    featureLayer: "_relu1",
    smallestSize: 32,
    initialisation: { convolution: "he-fan-out", linearBias: "zero" },
    normalisation: { scale: 1, mean: [127, 127, 127], std: [128, 128, 128] },
    write(net, size, classes) {
      const extent = new Extent(size);
      let x = net.convolution("_conv_stem", net.input, {
        channels: stem,
        kernel: 3,
        stride: 2,
        padding: extent.same(3, 2),
      });
      x = net.stage("_relu0", net.relu6("_relu0", net.batchNormalization("_bn0", x, normalisation)));
      const blocks = stages.reduce((sum, { repeats }) => sum + repeats, 0);
      let block = 0;
      for (const { kernel, repeats, channels, expansion, stride } of stages) {
        for (let repeat = 0; repeat < repeats; repeat++, block++) {
          const depth = block / blocks;
          const options = { kernel, channels, expansion, stride: repeat === 0 ? stride : 1, extent, depth };
          x = net.stage(`_blocks.${block}`, invertedBottleneck(net, `_blocks.${block}`, x, options));
        }
      }
      x = net.convolution("_conv_head", x, { channels: head, kernel: 1 });
      x = net.stage("_relu1", net.relu6("_relu1", net.batchNormalization("_bn1", x, normalisation)));
      x = net.dropout("_dropout", net.flatten("flatten", net.globalAveragePool("_avg_pooling", x)), dropoutRatio);
      net.output(net.stage("_fc", net.linearHead("_fc", x, classes)), ["batch", classes]);
    },
  };
}

interface BlockOptions extends Omit<Stage, "repeats"> {
  readonly extent: Extent;
  readonly depth: number;
}

function invertedBottleneck(net: NetworkWriter, name: string, x: Feature, options: BlockOptions): Feature {
  const { kernel, channels, expansion, stride, extent, depth } = options;
  let y = x;
  if (expansion > 1) {
    y = net.convolution(`${name}._expand_conv`, y, { channels: x.channels * expansion, kernel: 1 });
    y = net.relu6(`${name}._relu0`, net.batchNormalization(`${name}._bn0`, y, normalisation));
  }
  const padding = extent.same(kernel, stride);
  y = net.convolution(`${name}._depthwise_conv`, y, { channels: y.channels, kernel, stride, padding, depthwise: true });
  y = net.relu6(`${name}._relu1`, net.batchNormalization(`${name}._bn1`, y, normalisation));
  y = net.convolution(`${name}._project_conv`, y, { channels, kernel: 1 });
  y = net.batchNormalization(`${name}._bn2`, y, normalisation);
  const isResidual = stride === 1 && x.channels === channels;
  return isResidual ? net.add(`${name}.add`, net.pathDropout(`${name}.path`, y, depth), x) : y;
}

/** Height and width as the layers shrink them; unknown while the input's size is open. */
class Extent {
  constructor(private now: number | undefined) {}

  /** TensorFlow's SAME: as many outputs as strides fit, the padding split evenly, the odd one at the end. */
  same(kernel: number, stride: number): Padding {
    if (this.now === undefined) return "same";
    const outputs = Math.ceil(this.now / stride);
    const total = Math.max(0, (outputs - 1) * stride + kernel - this.now);
    this.now = outputs;
    const begin = Math.floor(total / 2);
    return { begin, end: total - begin };
  }
}
