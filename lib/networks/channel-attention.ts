import type { Feature, NetworkWriter } from "./network-writer";

/**
 * Rescales each channel by a gate computed from the channels' means: mean → 1×1 convolution to channels / reduction →
 * ReLU → 1×1 convolution back → sigmoid → product. Zhang et al., Image super-resolution using very deep residual
 * channel attention networks, ECCV 2018, section 3.3.
 */
export function channelAttention(net: NetworkWriter, name: string, x: Feature, reduction: number): Feature {
  const squeezed = net.globalAveragePool(`${name}.avg_pool`, x);
  let gate = net.convolution(`${name}.conv_du.0`, squeezed, {
    channels: Math.floor(x.channels / reduction),
    kernel: 1,
    bias: true,
  });
  gate = net.relu(`${name}.conv_du.1`, gate);
  gate = net.convolution(`${name}.conv_du.2`, gate, { channels: x.channels, kernel: 1, bias: true });
  return net.multiply(name, x, net.sigmoid(`${name}.conv_du.3`, gate));
}
