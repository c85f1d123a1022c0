import type { CodeTable } from "./code-table";

/** Codes of UserError for training, evaluating, the study and phantoms. */
export const trainingErrors = {
  "checkpoint.other-run": {
    means: "The checkpoint in the output folder is of a training with other settings or data.",
    remedy: "Choose another output folder, or continue with the settings and data it began with.",
  },
  "data.empty-class": {
    means: "A class has no images, or the split leaves it none to train on.",
    remedy: "Add images to the class, or remove its folder.",
  },
  "data.missing": {
    means: "The folder of the data cannot be read.",
    remedy: "Check its path and permissions.",
  },
  "data.no-classes": {
    means: "The folder of the data has no folders in it.",
    remedy: "Put the images into one folder for each class.",
  },
  "data.no-masks": {
    means: "There are no masks to learn from beside the images.",
    remedy: "Use a folder that `cytolens phantom` wrote.",
  },
  "data.one-class": {
    means: "The data has a single class, so there is nothing to tell apart.",
    remedy: "Add a folder for at least one other class.",
  },
  "data.unreadable": {
    means: "Some images of the data cannot be decoded.",
    remedy: "Replace them, or leave them out with `--skip-unreadable`.",
  },
  "evaluation.classes": {
    means: "A folder of the data is named after no class of the model.",
    remedy: "Name the folders after the model's classes, which the message lists.",
  },
  "evaluation.empty": {
    means: "There are no images to evaluate on.",
    remedy: "Add images, or choose another part of the split.",
  },
  "groups.class-in-one-group": {
    means: "All images of a class belong to one group, so they cannot be on both sides of a split.",
    remedy: "Add images of other slides to the class, or leave the class out.",
  },
  "groups.fold": {
    means: "A fold that was named is not there, is in two parts, or parts a group.",
    remedy: "Name folds that the message lists, each once; correct the table where a group lies in two.",
  },
  "groups.fold-without-class": {
    means: "A fold has no images of some class.",
    remedy: "Choose fewer folds, or add images of that class from other slides.",
  },
  "groups.missing": {
    means: "Some images have no group, or no fold.",
    remedy: "Complete the table, or correct the pattern; the message lists the first of them.",
  },
  "groups.one": {
    means: "All images belong to one group, so there is nothing to part.",
    remedy: "Check the rule, or add images of other slides.",
  },
  "groups.rule": {
    means: "What groups the images is neither a column of a table, a folder level nor a pattern with a parenthesis.",
    remedy: "Give `cells.csv:field`, `folder:1` or `^(\\d+)-`, for example.",
  },
  "groups.table": {
    means: "The table of the groups cannot be read, lacks the column, or names none of the images.",
    remedy: "Check the path and the column; file names in a column must be those of the images.",
  },
  "phantom.class": {
    means: "There are no phantoms of this class.",
    remedy: "Choose classes that the message lists.",
  },
  "phantom.size": {
    means: "Phantoms cannot be drawn in this size.",
    remedy: "Choose a size in the range that the message gives.",
  },
  "study.data": {
    means: "A study was given both a folder and `--phantom`, or neither.",
    remedy: "Give one of the two.",
  },
  "train.name": {
    means: "The last part of `--out` cannot be the name of a training on AWS Batch.",
    remedy: "Choose a name as the message describes.",
  },
  "train.no-bucket": {
    means: "A training on AWS Batch was asked for without the stack's bucket.",
    remedy: "Give `--bucket`.",
  },
  "train.no-deployment": {
    means: "The bucket does not tell of a deployed stack.",
    remedy: "Give the bucket of a stack, and deploy the stack if that has not been done.",
  },
  "train.running": {
    means: "A training of this name was submitted and has not ended.",
    remedy: "Wait for it, terminate its job, or choose another name with `--out`.",
  },
  "train.too-large": {
    means: "The images are more than a training job of this stack has room for.",
    remedy: "Train on fewer images, or raise `compute.jobMemoryMiB` and deploy.",
  },
  "training.diverged": {
    means: "The loss became NaN or infinite.",
    remedy: "Try a lower learning rate; what was kept before is whole.",
  },
  "training.no-validation": {
    means: "The split leaves no images to validate on.",
    remedy: "Add images.",
  },
  "training.not-deployed": {
    means: "The stack was deployed without training.",
    remedy: "Set `training` to true in the configuration and deploy.",
  },
  "training.settings": {
    means: "Settings of the training are out of their range.",
    remedy: "Correct the settings that the message lists.",
  },
  "training.too-few": {
    means: "There are fewer training images than one batch takes.",
    remedy: "Choose a smaller batch, or add images.",
  },
  "training.weight-decay": {
    means: "The weight decay is below 0.",
    remedy: "Give 0 or more.",
  },
  "training.weights": {
    means: "There are no weights to begin from under the name given, or they are of another network.",
    remedy: "Give `none`, `imagenet`, a checkpoint or a model folder of the same network.",
  },
} satisfies CodeTable;
