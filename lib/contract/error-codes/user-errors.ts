import type { CodeTable } from "./code-table";

/** Codes of UserError for arguments, settings, models by name and the stack's configuration. */
export const userErrors = {
  "attribution.baseline-equals-image": {
    means: "The baseline has the values of the image, so there is no path between the two.",
    remedy: "Choose another baseline.",
  },
  "attribution.baseline-shape": {
    means: "The baseline has another number of values than the image.",
    remedy: "Give a baseline of the image's size and channels.",
  },
  "attribution.image-shape": {
    means: "The image's values do not fit its shape, or the model's input.",
    remedy: "Give what `imageFor` returns, or [channels, height, width] of the values.",
  },
  "batch.name": {
    means: "The name cannot be a batch's name.",
    remedy: "Choose a name as the message describes; `cytolens run` takes one with `--batch`.",
  },
  "bucket.name": {
    means: "What was given is neither a bucket's name nor a folder.",
    remedy: "Give a bucket's name, `s3://name`, or a folder such as `./bucket`.",
  },
  "configuration.instance-types": {
    means: "The region offers none, or not all, of the instance types that machines are to be made of.",
    remedy:
      "Choose another region, set `compute.kind` to `cpu`, or name types the region has in `compute.instanceTypes`.",
  },
  "configuration.invalid": {
    means: "The configuration in `cdk.json` has settings that cannot be used.",
    remedy: "Correct the settings that the message lists.",
  },
  "configuration.model-digest": {
    means: "The default model's file is not the one its card describes.",
    remedy: "Put the file and its own card into the folder of the default model.",
  },
  "configuration.model-missing": {
    means: "The folder of the default model has no `model.onnx` or no `card.json`.",
    remedy: "Name a folder that has both.",
  },
  "configuration.not-json": {
    means: "The configuration on the command line is not JSON.",
    remedy: "Give an object, or quoted JSON after `-c cytolens=`.",
  },
  "file.unreadable": {
    means: "A file named on the command line or in a call cannot be read.",
    remedy: "Check its path and permissions.",
  },
  "input.invalid": {
    means: "Something that was typed, or a file, is not of the form that is documented.",
    remedy: "Read the fields that the message names; with `--debug` it says where it was read.",
  },
  "inference.input-size": {
    means: "The values given are not as many as the model's input takes.",
    remedy: "Give channels × height × width values for each image.",
  },
  "memory.too-small": {
    means: "The memory allowed does not hold the model and one image.",
    remedy: "Allow at least what the message says.",
  },
  "model.bad-digest": {
    means: "What follows `sha256:` in the name of a model is no digest.",
    remedy: "Give 64 lower-case hex digits, or the name of a published model.",
  },
  "model.missing": {
    means: "The bucket names the model but does not hold its files.",
    remedy: "Publish the model again.",
  },
  "model.not-found": {
    means: "There is no model where one was asked for.",
    remedy: "Give an ONNX file or a model folder that exists.",
  },
  "model.size": {
    means: "The model is built for another input size than the one asked for.",
    remedy: "Leave the size out, or give the model's own.",
  },
  "model.unknown": {
    means: "No model of this name is published in the bucket.",
    remedy: "Publish it with `cytolens model publish`, or correct the name.",
  },
  "model.wrong-card": {
    means: "The card in the bucket describes another model.",
    remedy: "Publish the model again.",
  },
  "network.options": {
    means: "A count given for a network, such as its classes, is not a whole number above 0.",
    remedy: "Give a whole number of at least 1.",
  },
  "network.size": {
    means: "The network cannot be built for this input size.",
    remedy: "Choose a size as the message describes.",
  },
  "network.unknown": {
    means: "There is no network of this name.",
    remedy: "Choose one that the message lists.",
  },
  "run.no-images": {
    means: "The folders and files given hold no image.",
    remedy: "Give a folder with images, or image files.",
  },
  "run.not-found": {
    means: "A folder or file given does not exist.",
    remedy: "Correct the path.",
  },
  "settings.ambiguous-class": {
    means: "Several classes of the model have the name that was asked for.",
    remedy: "Give the classes of the model's card names that differ, or import the model with others.",
  },
  "settings.invalid": {
    means: "A setting has a value that cannot be used, or is not known.",
    remedy: "Correct the settings that the message lists.",
  },
  "settings.not-found": {
    means: "The settings file cannot be read.",
    remedy: "Check its path and permissions.",
  },
  "settings.not-json": {
    means: "The settings are not JSON.",
    remedy: "Mend the file where the message says.",
  },
  "settings.too-large": {
    means: "The batch's `batch.json` is larger than settings may be.",
    remedy: "Leave out what is not a setting.",
  },
  "settings.unknown-class": {
    means: "The settings ask to explain a class that the model does not have.",
    remedy: "Name one of the model's classes, which the message lists.",
  },
  "storage.bad-key": {
    means: "The name cannot be the key of an object.",
    remedy: "Use a shorter name, or one without what the message objects to.",
  },
  "storage.bad-range": {
    means: "A range of bytes was asked for that lies outside the object.",
    remedy: "Ask for bytes that the object has.",
  },
  "target.class": {
    means: "The index of the class to explain is not one of the model's classes.",
    remedy: "Give an index from 0 to one less than the number of classes.",
  },
  "worker.environment": {
    means: "A worker was started without the variables that say what to work on, or with wrong ones.",
    remedy: "Start workers through the pipeline, or set the variables as the message says.",
  },
} satisfies CodeTable;
