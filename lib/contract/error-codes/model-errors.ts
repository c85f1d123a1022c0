import type { CodeTable } from "./code-table";

/** Codes of ModelError for model files, their graphs, and what is asked of them. */
export const modelErrors = {
  "checkpoint.format": {
    means: "The file is no checkpoint that is read here, or of a kind that cannot be read as it is.",
    remedy: "Save the weights again as the message says.",
  },
  "checkpoint.global": {
    means: "The checkpoint names something of a program that would have to be run to read it. Nothing was run.",
    remedy: "Save the state dict alone, or convert it to safetensors.",
  },
  "checkpoint.invalid": {
    means: "The checkpoint is damaged, or none of a training of ours.",
    remedy: "Copy it again; to train, choose the output folder of a training, or another one to begin anew.",
  },
  "checkpoint.limit": {
    means: "The checkpoint asks for more memory or work than a file of its size can need.",
    remedy: "Save the weights alone, as the message says.",
  },
  "checkpoint.not-finite": {
    means: "A weight is NaN or infinite.",
    remedy: "Take a checkpoint from before the training diverged.",
  },
  "checkpoint.other-network": {
    means: "The checkpoint is of another network or of other classes.",
    remedy: "Choose another output folder.",
  },
  "checkpoint.state-dict": {
    means: "No weights were found where checkpoints keep them.",
    remedy: "Save the state dict under one of the names in the message.",
  },
  "checkpoint.type": {
    means: "A weight has a type of number that is not read here.",
    remedy: "Convert the weights to float32 and save them again.",
  },
  "mask.not-a-mask": {
    means: "The model to mask cells with is no U-Net of two classes.",
    remedy: "Give a model that was trained to find cells.",
  },
  "model.card": {
    means: "The model's card is not JSON, or says something that cannot be used.",
    remedy: "Correct what the message names in `card.json`.",
  },
  "model.batch-dependent": {
    means: "The model answers otherwise for an image beside others than for the image alone.",
    remedy: "Export it in evaluation mode, so that its normalisation does not look at other images.",
  },
  "model.classes": {
    means: "The number of classes is not told by the model, or is not that of the names given.",
    remedy: "Give one name for each score of the output.",
  },
  "model.corrupt": {
    means: "The ONNX file is damaged inside.",
    remedy: "Export or copy it again.",
  },
  "model.damaged": {
    means: "The model's file in the bucket has another length than the model.",
    remedy: "Remove the file and publish the model again.",
  },
  "model.digest-mismatch": {
    means: "The model's file has another sha256 than its card or plan says: it was changed or damaged.",
    remedy: "Put the right file in place, or publish the model again.",
  },
  "model.external-data": {
    means: "The weights lie in another file, which is not at hand or not in the model's own folder.",
    remedy: "Put the file beside the model, or export again with the weights in the model file.",
  },
  "model.head": {
    means: "What the scores of the model are cannot be told, or is not what was said of them.",
    remedy: "Say it with `--head`, as the message lists.",
  },
  "model.input": {
    means: "The model has no input that takes an image, has several, or has none of the name asked for.",
    remedy: "Name an input that the message lists, or export a model with one float image input.",
  },
  "model.invalid-extents": {
    means: "The extents given for the model's symbols or inputs cannot be used or contradict each other.",
    remedy: "Give the extents that the message asks for.",
  },
  "model.invalid-graph": {
    means: "The graph breaks a rule of ONNX.",
    remedy: "Export it again; `onnx.checker` finds such faults.",
  },
  "model.layout": {
    means: "The shape of the input does not tell where its channels are.",
    remedy: "Say whether the layout is NCHW or NHWC.",
  },
  "model.nan-weights": {
    means: "A weight of the model is NaN.",
    remedy: "Use a model from before its training diverged.",
  },
  "model.no-feature-map": {
    means: "Grad-CAM finds no feature map between the input and the scores.",
    remedy: "Name a layer, or choose another method.",
  },
  "model.not-a-feature-map": {
    means: "The layer named is no feature map of four axes.",
    remedy: "Name a layer of shape [batch, channels, height, width].",
  },
  "model.not-onnx": {
    means: "The file is no ONNX model.",
    remedy: "Export the model to ONNX.",
  },
  "model.not-scores": {
    means:
      "The model's output holds something else than scores of classes: a map, boxes, or answers for parts of an image.",
    remedy: "Name the output that holds the scores (`--output`), or use a classifier.",
  },
  "model.random": {
    means: "The model answers differently from run to run.",
    remedy: "Export it in evaluation mode, without dropout and random draws.",
  },
  "model.refused": {
    means: "The runtime, onnxruntime, does not load the model.",
    remedy: "Read its reason in the message.",
  },
  "model.run": {
    means: "The runtime, onnxruntime, failed while it ran the model.",
    remedy: "Read its reason in the message; it often names the node.",
  },
  "model.truncated": {
    means: "The ONNX file ends before the model does.",
    remedy: "Copy it again, whole.",
  },
  "model.unknown-layer": {
    means: "No layer of this name lies between the input and the scores.",
    remedy: "Choose one of the closest names in the message.",
  },
  "model.unknown-opset": {
    means: "The model does not list the operator sets it uses, or uses a newer one than is known.",
    remedy: "Export it with an operator set that the message allows.",
  },
  "model.unknown-output": {
    means: "No value of this name, with a known type, is in the graph.",
    remedy: "Correct the name.",
  },
  "model.unknown-type": {
    means: "The scores are not among the model's outputs.",
    remedy: "Open an issue with the model.",
  },
  "model.unsupported-operator": {
    means: "An operator cannot be brought to the newer operator set that gradients need.",
    remedy: "Export the model with a newer operator set.",
  },
  "model.unsupported-opset": {
    means: "The model's operator set is too old to be differentiated.",
    remedy: "Export it with a newer one.",
  },
  "model.unsupported-type": {
    means: "The model holds a kind of value that is not read, such as sparse tensors.",
    remedy: "Export it without what the message names.",
  },
  "safetensors.invalid": {
    means: "The file is no safetensors file, or is damaged.",
    remedy: "Save it again.",
  },
  "safetensors.pickle": {
    means: "The file is a PyTorch pickle, which can run code and is never read.",
    remedy: "Convert it where you trust it, with `safetensors.torch.save_file`.",
  },
  "safetensors.type": {
    means: "A tensor is of a type that safetensors cannot hold.",
    remedy: "Save numbers.",
  },
  "weights.mismatch": {
    means: "The tensors are not those of the network: some are missing, left over, or of another shape or type.",
    remedy: "Choose the network the weights are of; `--new-head` replaces a head of other classes.",
  },
  "weights.missing": {
    means: "A network was built without one of its weights.",
    remedy: "Give a tensor for each name of the network.",
  },
} satisfies CodeTable;

/** Codes of ModelError for what cannot be differentiated. */
export const gradientErrors = {
  "autodiff.ambiguous-output": {
    means: "Several outputs could be the scores of the classes.",
    remedy: "Name one.",
  },
  "autodiff.independent": {
    means: "An output does not depend on what it is to be differentiated by.",
    remedy: "Choose another output, or leave out `strict`.",
  },
  "autodiff.integer-input": {
    means: "The value to differentiate by holds whole numbers, which have no derivative, or no input is a float.",
    remedy: "Name a float value.",
  },
  "autodiff.integer-output": {
    means: "The value to differentiate holds whole numbers, which have no derivative, or no output is a float.",
    remedy: "Name a float value.",
  },
  "autodiff.no-gradient": {
    means: "An operator without a derivative lies on the way, such as control flow or quantised arithmetic.",
    remedy: "Export the model without it, or differentiate a part that does not hold it.",
  },
  "autodiff.unknown-name": {
    means: "No value of this name is in the model.",
    remedy: "Choose one of the closest names in the message.",
  },
  "autodiff.unknown-type": {
    means: "Nothing in the model tells the type of a value.",
    remedy: "Export it with the types of its values.",
  },
  "autodiff.unsupported-case": {
    means:
      "An operator is used in a way that its gradient rule does not cover, or a value does not keep the batch first.",
    remedy: "Read the reason in the message; change the node it names.",
  },
  "autodiff.unsupported-operator": {
    means: "An operator without a gradient rule, or of another domain, lies on the way.",
    remedy: "Export the model with other operators.",
  },
} satisfies CodeTable;
