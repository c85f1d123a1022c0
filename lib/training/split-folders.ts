import { UserError } from "../contract/errors";
import type { DataSet, LabelledFile, Part } from "./labelled-files";

const partsByName: Readonly<Record<string, Part>> = {
  train: "train",
  training: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  dev: "validation",
  test: "test",
  testing: "test",
};

/** Which part each folder is, where all of them are parts and one trains: train/, val/, test/ as torchvision and Kaggle have it. */
export function partsAmong(names: readonly string[]): ReadonlyMap<string, Part> | undefined {
  const parts = new Map<string, Part>();
  for (const name of names) {
    const part = partsByName[name.toLowerCase()];
    if (part === undefined || [...parts.values()].includes(part)) return undefined;
    parts.set(name, part);
  }
  return parts.size > 1 && [...parts.values()].includes("train") ? parts : undefined;
}

/**
 * One data set of the class folders of every part; each file knows its part.
 * @throws UserError "data.empty-class" for a class that is in no training folder
 */
export function joinParts(
  folder: string,
  parts: readonly { readonly name: string; readonly part: Part; readonly dataSet: DataSet }[],
): DataSet {
  const classes = parts.find(({ part }) => part === "train")?.dataSet.classes ?? [];
  const strangers = parts.flatMap(({ name, dataSet }) =>
    dataSet.classes.filter((known) => !classes.includes(known)).map((known) => `${name}/${known}`),
  );
  if (strangers.length > 0)
    throw new UserError(
      "data.empty-class",
      `Expected images of every class in the training folder of ${folder} but found none for ${strangers.join(", ")}`,
    );
  const files = parts.flatMap(({ name, part, dataSet }) =>
    dataSet.files.map((file): LabelledFile => {
      const label = classes.indexOf(dataSet.classes[file.label] ?? "");
      return { ...file, name: `${name}/${file.name}`, label, part };
    }),
  );
  const sizes = parts.map(({ name, dataSet }) => `${name}/ ${dataSet.files.length}`).join(", ");
  return {
    folder,
    layout: "split-folders",
    classes,
    masked: parts.some(({ dataSet }) => dataSet.masked),
    files: files.toSorted((a, b) => a.label - b.label),
    notes: [
      `The folders say how the images are parted (${sizes}): this is the split, whatever --split says.`,
      ...parts.flatMap(({ dataSet }) => dataSet.notes ?? []),
    ],
  };
}
