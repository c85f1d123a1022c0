import { absGradient } from "./gradients/abs";
import { acosGradient } from "./gradients/acos";
import { acoshGradient } from "./gradients/acosh";
import { addGradient } from "./gradients/add";
import { affineGridGradient } from "./gradients/affine-grid";
import { asinGradient } from "./gradients/asin";
import { asinhGradient } from "./gradients/asinh";
import { atanGradient } from "./gradients/atan";
import { atanhGradient } from "./gradients/atanh";
import { averagePoolGradient } from "./gradients/average-pool";
import { batchNormalizationGradient } from "./gradients/batch-normalization";
import { castLikeGradient } from "./gradients/cast-like";
import { castGradient } from "./gradients/cast";
import { celuGradient } from "./gradients/celu";
import { centerCropPadGradient } from "./gradients/center-crop-pad";
import { clipGradient } from "./gradients/clip";
import { col2ImGradient } from "./gradients/col2-im";
import { compressGradient } from "./gradients/compress";
import { concatGradient } from "./gradients/concat";
import { convTransposeGradient } from "./gradients/conv-transpose";
import { convGradient } from "./gradients/conv";
import { cosGradient } from "./gradients/cos";
import { coshGradient } from "./gradients/cosh";
import { cumSumGradient } from "./gradients/cum-sum";
import { depthToSpaceGradient } from "./gradients/depth-to-space";
import { divGradient } from "./gradients/div";
import { dropoutGradient } from "./gradients/dropout";
import { einsumGradient } from "./gradients/einsum";
import { eluGradient } from "./gradients/elu";
import { erfGradient } from "./gradients/erf";
import { expGradient } from "./gradients/exp";
import { expandGradient } from "./gradients/expand";
import { flattenGradient } from "./gradients/flatten";
import { gatherElementsGradient } from "./gradients/gather-elements";
import { gatherNDGradient } from "./gradients/gather-nd";
import { gatherGradient } from "./gradients/gather";
import { geluGradient } from "./gradients/gelu";
import { gemmGradient } from "./gradients/gemm";
import { globalAveragePoolGradient } from "./gradients/global-average-pool";
import { globalLpPoolGradient } from "./gradients/global-lp-pool";
import { globalMaxPoolGradient } from "./gradients/global-max-pool";
import { gridSampleGradient } from "./gradients/grid-sample";
import { groupNormalizationGradient } from "./gradients/group-normalization";
import { hardSigmoidGradient } from "./gradients/hard-sigmoid";
import { hardSwishGradient } from "./gradients/hard-swish";
import { identityGradient } from "./gradients/identity";
import { instanceNormalizationGradient } from "./gradients/instance-normalization";
import { layerNormalizationGradient } from "./gradients/layer-normalization";
import { leakyReluGradient } from "./gradients/leaky-relu";
import { logSoftmaxGradient } from "./gradients/log-softmax";
import { logGradient } from "./gradients/log";
import { lpNormalizationGradient } from "./gradients/lp-normalization";
import { lpPoolGradient } from "./gradients/lp-pool";
import { lrnGradient } from "./gradients/lrn";
import { matMulGradient } from "./gradients/mat-mul";
import { maxPoolGradient } from "./gradients/max-pool";
import { maxUnpoolGradient } from "./gradients/max-unpool";
import { maxGradient } from "./gradients/max";
import { meanVarianceNormalizationGradient } from "./gradients/mean-variance-normalization";
import { meanGradient } from "./gradients/mean";
import { minGradient } from "./gradients/min";
import { mishGradient } from "./gradients/mish";
import { modGradient } from "./gradients/mod";
import { mulGradient } from "./gradients/mul";
import { negGradient } from "./gradients/neg";
import { negativeLogLikelihoodLossGradient } from "./gradients/negative-log-likelihood-loss";
import { oneHotGradient } from "./gradients/one-hot";
import { pReluGradient } from "./gradients/p-relu";
import { padGradient } from "./gradients/pad";
import { powGradient } from "./gradients/pow";
import { reciprocalGradient } from "./gradients/reciprocal";
import { reduceL1Gradient } from "./gradients/reduce-l1";
import { reduceL2Gradient } from "./gradients/reduce-l2";
import { reduceLogSumExpGradient } from "./gradients/reduce-log-sum-exp";
import { reduceLogSumGradient } from "./gradients/reduce-log-sum";
import { reduceMaxGradient } from "./gradients/reduce-max";
import { reduceMeanGradient } from "./gradients/reduce-mean";
import { reduceMinGradient } from "./gradients/reduce-min";
import { reduceProdGradient } from "./gradients/reduce-prod";
import { reduceSumSquareGradient } from "./gradients/reduce-sum-square";
import { reduceSumGradient } from "./gradients/reduce-sum";
import { reluGradient } from "./gradients/relu";
import { reshapeGradient } from "./gradients/reshape";
import { resizeGradient } from "./gradients/resize";
import { reverseSequenceGradient } from "./gradients/reverse-sequence";
import { scatterElementsGradient } from "./gradients/scatter-elements";
import { scatterNDGradient } from "./gradients/scatter-nd";
import { seluGradient } from "./gradients/selu";
import { shrinkGradient } from "./gradients/shrink";
import { sigmoidGradient } from "./gradients/sigmoid";
import { sinGradient } from "./gradients/sin";
import { sinhGradient } from "./gradients/sinh";
import { sliceGradient } from "./gradients/slice";
import { softmaxGradient } from "./gradients/softmax";
import { softmaxCrossEntropyLossGradient } from "./gradients/softmax-cross-entropy-loss";
import { softplusGradient } from "./gradients/softplus";
import { softsignGradient } from "./gradients/softsign";
import { spaceToDepthGradient } from "./gradients/space-to-depth";
import { splitGradient } from "./gradients/split";
import { sqrtGradient } from "./gradients/sqrt";
import { squeezeGradient } from "./gradients/squeeze";
import { subGradient } from "./gradients/sub";
import { sumGradient } from "./gradients/sum";
import { tanGradient } from "./gradients/tan";
import { tanhGradient } from "./gradients/tanh";
import { thresholdedReluGradient } from "./gradients/thresholded-relu";
import { tileGradient } from "./gradients/tile";
import { topKGradient } from "./gradients/top-k";
import { transposeGradient } from "./gradients/transpose";
import { triluGradient } from "./gradients/trilu";
import { unsqueezeGradient } from "./gradients/unsqueeze";
import { whereGradient } from "./gradients/where";
import type { GradientRule } from "./gradient-rule";

/** The gradient rule of every operator that has one, by the operator's name; one file each in gradients/. */
export const gradientRules = {
  Abs: absGradient,
  Acos: acosGradient,
  Acosh: acoshGradient,
  Add: addGradient,
  AffineGrid: affineGridGradient,
  Asin: asinGradient,
  Asinh: asinhGradient,
  Atan: atanGradient,
  Atanh: atanhGradient,
  AveragePool: averagePoolGradient,
  BatchNormalization: batchNormalizationGradient,
  Cast: castGradient,
  CastLike: castLikeGradient,
  Celu: celuGradient,
  CenterCropPad: centerCropPadGradient,
  Clip: clipGradient,
  Col2Im: col2ImGradient,
  Compress: compressGradient,
  Concat: concatGradient,
  Conv: convGradient,
  ConvTranspose: convTransposeGradient,
  Cos: cosGradient,
  Cosh: coshGradient,
  CumSum: cumSumGradient,
  DepthToSpace: depthToSpaceGradient,
  Div: divGradient,
  Dropout: dropoutGradient,
  Einsum: einsumGradient,
  Elu: eluGradient,
  Erf: erfGradient,
  Exp: expGradient,
  Expand: expandGradient,
  Flatten: flattenGradient,
  Gather: gatherGradient,
  GatherElements: gatherElementsGradient,
  GatherND: gatherNDGradient,
  Gelu: geluGradient,
  Gemm: gemmGradient,
  GlobalAveragePool: globalAveragePoolGradient,
  GlobalLpPool: globalLpPoolGradient,
  GlobalMaxPool: globalMaxPoolGradient,
  GridSample: gridSampleGradient,
  GroupNormalization: groupNormalizationGradient,
  HardSigmoid: hardSigmoidGradient,
  HardSwish: hardSwishGradient,
  Identity: identityGradient,
  InstanceNormalization: instanceNormalizationGradient,
  LRN: lrnGradient,
  LayerNormalization: layerNormalizationGradient,
  LeakyRelu: leakyReluGradient,
  Log: logGradient,
  LogSoftmax: logSoftmaxGradient,
  LpNormalization: lpNormalizationGradient,
  LpPool: lpPoolGradient,
  MatMul: matMulGradient,
  Max: maxGradient,
  MaxPool: maxPoolGradient,
  MaxUnpool: maxUnpoolGradient,
  Mean: meanGradient,
  MeanVarianceNormalization: meanVarianceNormalizationGradient,
  Min: minGradient,
  Mish: mishGradient,
  Mod: modGradient,
  Mul: mulGradient,
  Neg: negGradient,
  NegativeLogLikelihoodLoss: negativeLogLikelihoodLossGradient,
  OneHot: oneHotGradient,
  PRelu: pReluGradient,
  Pad: padGradient,
  Pow: powGradient,
  Reciprocal: reciprocalGradient,
  ReduceL1: reduceL1Gradient,
  ReduceL2: reduceL2Gradient,
  ReduceLogSum: reduceLogSumGradient,
  ReduceLogSumExp: reduceLogSumExpGradient,
  ReduceMax: reduceMaxGradient,
  ReduceMean: reduceMeanGradient,
  ReduceMin: reduceMinGradient,
  ReduceProd: reduceProdGradient,
  ReduceSum: reduceSumGradient,
  ReduceSumSquare: reduceSumSquareGradient,
  Relu: reluGradient,
  Reshape: reshapeGradient,
  Resize: resizeGradient,
  ReverseSequence: reverseSequenceGradient,
  ScatterElements: scatterElementsGradient,
  ScatterND: scatterNDGradient,
  Selu: seluGradient,
  Shrink: shrinkGradient,
  Sigmoid: sigmoidGradient,
  Sin: sinGradient,
  Sinh: sinhGradient,
  Slice: sliceGradient,
  Softmax: softmaxGradient,
  SoftmaxCrossEntropyLoss: softmaxCrossEntropyLossGradient,
  Softplus: softplusGradient,
  Softsign: softsignGradient,
  SpaceToDepth: spaceToDepthGradient,
  Split: splitGradient,
  Sqrt: sqrtGradient,
  Squeeze: squeezeGradient,
  Sub: subGradient,
  Sum: sumGradient,
  Tan: tanGradient,
  Tanh: tanhGradient,
  ThresholdedRelu: thresholdedReluGradient,
  Tile: tileGradient,
  TopK: topKGradient,
  Transpose: transposeGradient,
  Trilu: triluGradient,
  Unsqueeze: unsqueezeGradient,
  Where: whereGradient,
} as const satisfies Readonly<Record<string, GradientRule>>;

/** An operator with a gradient rule. */
export type DifferentiableOperator = keyof typeof gradientRules;

export const differentiableOperators = Object.keys(gradientRules) as readonly DifferentiableOperator[];
