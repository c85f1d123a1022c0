import type { Topology } from "./define-network";
import type { Feature, NetworkWriter } from "./network-writer";

export interface UNetConfig {
  /** Channels at full resolution; each of the `levels` poolings doubles them. */
  readonly width: number;
  readonly levels: number;
}

export const unetConfig: UNetConfig = { width: 64, levels: 4 };

/**
 * U-Net with padded convolutions and batch normalisation: a mask of logits at the input's resolution.
 * Ronneberger et al., U-Net: convolutional networks for biomedical image segmentation, MICCAI 2015. Tensor names follow
 * the widely used PyTorch port (inc, down1…, up1…, outc).
 */
export function unet(name: string, { width, levels }: UNetConfig): Topology {
  return {
    name,
    featureLayer: `up${levels}`,
    sizeMultiple: 2 ** levels,
    initialisation: { convolution: "uniform-fan-in", linearBias: "uniform-fan-in" },
    write(net, size, classes) {
      const across: Feature[] = [];
      let x = net.stage("inc", doubleConvolution(net, "inc.double_conv", net.input, width));
      for (let level = 1; level <= levels; level++) {
        across.push(x);
        const pooled = net.maxPool(`down${level}.pool`, x, 2, 2, 0);
        x = net.stage(
          `down${level}`,
          doubleConvolution(net, `down${level}.maxpool_conv.1.double_conv`, pooled, x.channels * 2),
        );
      }
      for (let level = 1; level <= levels; level++) {
        const skip = across.pop() as Feature;
        const raised = net.upConvolution(`up${level}.up`, x, skip.channels);
        const joined = net.concat(`up${level}.concat`, [skip, raised]);
        x = net.stage(`up${level}`, doubleConvolution(net, `up${level}.conv.double_conv`, joined, skip.channels));
      }
      x = net.stage("outc", net.convolution("outc.conv", x, { channels: classes, kernel: 1, bias: true, head: true }));
      net.output(x, ["batch", classes, size ?? "height", size ?? "width"]);
    },
  };
}

function doubleConvolution(net: NetworkWriter, name: string, x: Feature, channels: number): Feature {
  for (const first of [0, 3]) {
    x = net.convolution(`${name}.${first}`, x, { channels, kernel: 3, padding: 1 });
    x = net.relu(`${name}.${first + 2}`, net.batchNormalization(`${name}.${first + 1}`, x));
  }
  return x;
}
