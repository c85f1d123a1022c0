import type { Topology } from "./define-network";
import type { Feature, NetworkWriter } from "./network-writer";

export interface ResidualAttentionConfig {
  /** Channels after the stem. */
  readonly width: number;
}

export const residualAttention92Config: ResidualAttentionConfig = { width: 64 };

/** Attention modules of each stage, and the pooling levels of their masks. */
const stages = [
  { modules: ["attention_module1"], depth: 3 },
  { modules: ["attention_module2", "attention_module2_2"], depth: 2 },
  { modules: ["attention_module3", "attention_module3_2", "attention_module3_3"], depth: 1 },
];

/**
 * Residual Attention Network-92. Wang et al., Residual attention network for image classification, CVPR 2017; names and
 * details follow the widely used PyTorch port: bilinear upsampling with aligned corners to a fixed size, so that the
 * input size is part of the network, and a 1×1 `conv4` in each unit's checkpoint that only projecting units use.
 */
export function residualAttention92(name: string, { width }: ResidualAttentionConfig): Topology {
  return {
    name,
    featureLayer: "residual_block6",
    defaultSize: 224,
    sizeMultiple: 32,
    initialisation: { convolution: "uniform-fan-in", linearBias: "uniform-fan-in" },
    write(net, inputSize = 224, classes) {
      let size = inputSize / 4;
      let channels = width * 4;
      let x = net.convolution("conv1.0", net.input, { channels: width, kernel: 7, stride: 2, padding: 3 });
      x = net.stage("conv1", net.relu("conv1.2", net.batchNormalization("conv1.1", x)));
      x = net.stage("mpool1", net.maxPool("mpool1", x, 3, 2, 1));
      stages.forEach(({ modules, depth }, index) => {
        const block = `residual_block${index + 1}`;
        x = net.stage(block, preActivationUnit(net, block, x, channels, index === 0 ? 1 : 2));
        for (const module of modules) x = net.stage(module, attentionModule(net, module, x, size, depth));
        channels *= 2;
        size /= 2;
      });
      for (const [block, stride] of [
        ["residual_block4", 2],
        ["residual_block5", 1],
        ["residual_block6", 1],
      ] as const) {
        x = net.stage(block, preActivationUnit(net, block, x, channels, stride));
      }
      x = net.relu("mpool2.1", net.batchNormalization("mpool2.0", x));
      x = net.stage("mpool2", net.averagePool("mpool2.2", x, size, 1));
      net.output(net.stage("fc", net.linearHead("fc", net.flatten("flatten", x), classes)), ["batch", classes]);
    },
  };
}

/** Pre-activation bottleneck; where the shape changes, the shortcut projects relu(bn1(x)), not x. */
function preActivationUnit(net: NetworkWriter, name: string, x: Feature, channels: number, stride = 1): Feature {
  const middle = channels / 4;
  const activated = net.relu(`${name}.relu1`, net.batchNormalization(`${name}.bn1`, x));
  let y = net.convolution(`${name}.conv1`, activated, { channels: middle, kernel: 1 });
  y = net.relu(`${name}.relu2`, net.batchNormalization(`${name}.bn2`, y));
  y = net.convolution(`${name}.conv2`, y, { channels: middle, kernel: 3, stride, padding: 1 });
  y = net.relu(`${name}.relu3`, net.batchNormalization(`${name}.bn3`, y));
  y = net.convolution(`${name}.conv3`, y, { channels, kernel: 1 });
  const projects = x.channels !== channels || stride !== 1;
  if (!projects) net.ignored.add(`${name}.conv4.weight`);
  return net.add(
    `${name}.add`,
    y,
    projects ? net.convolution(`${name}.conv4`, activated, { channels, kernel: 1, stride }) : x,
  );
}

/**
 * A trunk of two units, rescaled by 1 + mask. The mask is an hourglass: `depth` times a pool and a unit (the deepest
 * level has two), then up again, adding at each level the unit output of that resolution and its skip unit.
 */
function attentionModule(net: NetworkWriter, name: string, input: Feature, size: number, depth: number): Feature {
  const unit = (part: string, x: Feature) => preActivationUnit(net, `${name}.${part}`, x, input.channels);
  const x = unit("first_residual_blocks", input);
  const trunk = unit("trunk_branches.1", unit("trunk_branches.0", x));

  const down: Feature[] = [];
  let y = x;
  for (let level = 1; level <= depth; level++) {
    y = net.maxPool(`${name}.mpool${level}`, y, 3, 2, 1);
    const blocks = `softmax${level}_blocks`;
    y = level < depth ? unit(blocks, y) : unit(`${blocks}.1`, unit(`${blocks}.0`, y));
    if (level < depth) down.push(y);
  }
  for (let level = depth - 1; level >= 1; level--) {
    const across = down[level - 1] as Feature;
    y = net.upsample(`${name}.interpolation${level + 1}`, y, size / 2 ** level);
    y = net.add(`${name}.sum${level}`, y, across);
    y = net.add(`${name}.skip${level}`, y, unit(`skip${level}_connection_residual_block`, across));
    y = unit(`softmax${2 * depth - level}_blocks`, y);
  }
  y = net.add(`${name}.sum0`, net.upsample(`${name}.interpolation1`, y, size), trunk);

  const mask = maskHead(net, `${name}.softmax${2 * depth}_blocks`, y);
  return unit("last_blocks", net.multiply(`${name}.attended`, net.addScalar(`${name}.weight`, mask, 1), trunk));
}

function maskHead(net: NetworkWriter, name: string, x: Feature): Feature {
  for (const first of [0, 3]) {
    x = net.relu(`${name}.${first + 1}`, net.batchNormalization(`${name}.${first}`, x));
    x = net.convolution(`${name}.${first + 2}`, x, { channels: x.channels, kernel: 1 });
  }
  return net.sigmoid(`${name}.6`, x);
}
