/** The library's public face; docs/library.md has runnable examples. */

export { loadModel, type LoadModelOptions } from "./inference/load-model";
export type { Classifier, Prediction } from "./inference/classifier";
export { imageFor, type ClassifierImage } from "./explaining/image-for-model";
export { explain, type ExplainOptions, type ImageExplanation, type TargetChoice } from "./explaining/explain";

export type { Attribution, ImageDims } from "./attribution/attribution";
export type { NetworkImage } from "./attribution/network-image";
export { baselineImage, type BaselineName } from "./attribution/baselines";
export { gradient } from "./attribution/gradient";
export { gradCam } from "./attribution/grad-cam";
export {
  atMidpoints,
  type GradientFunction,
  type LayerGradientFunction,
  type SegmentGradientFunction,
  type Target,
} from "./attribution/gradient-function";
export { guidedBackprop } from "./attribution/guided-backprop";
export { guidedGradCam } from "./attribution/guided-grad-cam";
export { inputTimesGradient } from "./attribution/input-x-gradient";
export { integratedGradients, type AdaptiveOptions, type Tolerance } from "./attribution/integrated-gradients";
export { fixedIntegratedGradients } from "./attribution/fixed-integrated-gradients";
export { studyIntegratedGradients } from "./attribution/study-integrated-gradients";

export {
  differentiate,
  differentiateNamed,
  type DifferentiateOptions,
  type Differentiated,
} from "./autodiff/differentiate";
export { differentiateSegments, type SegmentModel, type SegmentRequest } from "./autodiff/segments/segments";
export { peelSoftmax } from "./autodiff/softmax-head";
export type { Graph, Model, Node, Tensor, ValueInfo } from "./onnx/model";
export { readModel } from "./onnx/read-model";
export { writeModel } from "./onnx/write-model";

export { renderHeatmap } from "./imaging/drawing/heatmap";
export { renderOverlay } from "./imaging/drawing/overlay";
export { writeNpy } from "./imaging/drawing/npy";

export { CytolensError, EnvironmentError, ImageError, ModelError, TransientError, UserError } from "./contract/errors";
export { headNames, type Head } from "./contract/head";
export type { ErrorCode } from "./contract/error-codes";
export { methodNames, type MethodChoice, type MethodName, type MethodSettings } from "./contract/methods";
export { imageNetNormalisation, type Normalisation } from "./contract/normalisation";
export type { Completeness } from "./contract/result";
