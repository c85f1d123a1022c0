import type { DataSet, LabelledFile } from "./data-set";
import { PythonRandom } from "./python-random";

export interface Split {
  readonly train: readonly LabelledFile[];
  readonly validation: readonly LabelledFile[];
  /** Empty where the split keeps none aside. */
  readonly test: readonly LabelledFile[];
}

/**
 * "study": 70 / 20 / 10 % as the study drew them. "tenth": every tenth file validates, none is kept for a test. "one-to-nine": every
 * tenth file trains (and, for want of others, chooses the epoch), the other nine test.
 */
export const splitNames = ["study", "tenth", "one-to-nine"] as const;
export type SplitName = (typeof splitNames)[number];

const studySeed = 230;

/** The split of that name, unless the data set's own folders say how it is parted. */
export function splitOf(dataSet: DataSet, name: SplitName): Split {
  if (dataSet.layout === "split-folders") return givenSplit(dataSet);
  const parts = dataSet.classes.map((_, label) => {
    const files = dataSet.files.filter((file) => file.label === label);
    if (name === "study") return studySplit(files);
    const { train, validation } = tenthSplit(files);
    return name === "tenth" ? { train, validation, test: [] } : { train: validation, validation, test: train };
  });
  return {
    train: parts.flatMap(({ train }) => train),
    validation: parts.flatMap(({ validation }) => validation),
    test: parts.flatMap(({ test }) => test),
  };
}

/** Without a folder to validate on, every tenth training file of a class does. */
function givenSplit({ classes, files }: DataSet): Split {
  const of = (part: LabelledFile["part"]) => files.filter((file) => file.part === part);
  const [train, validation, test] = [of("train"), of("validation"), of("test")];
  if (validation.length > 0) return { train, validation, test };
  const tenths = classes.map((_, label) => tenthSplit(train.filter((file) => file.label === label)));
  return {
    train: tenths.flatMap((tenth) => tenth.train),
    validation: tenths.flatMap((tenth) => tenth.validation),
    test,
  };
}

/** The study's split of one class: names sorted, shuffled by Python's generator from a fixed seed, cut at int(0.7 n) and int(0.2 n) more. */
export function studySplit<T>(sortedFiles: readonly T[]): { train: T[]; validation: T[]; test: T[] } {
  const shuffled = new PythonRandom(studySeed).shuffle([...sortedFiles]);
  const train = Math.trunc(0.7 * shuffled.length),
    validation = Math.trunc(0.2 * shuffled.length);
  return {
    train: shuffled.slice(0, train),
    validation: shuffled.slice(train, train + validation),
    test: shuffled.slice(train + validation),
  };
}

function tenthSplit<T>(sortedFiles: readonly T[]): { train: T[]; validation: T[] } {
  return {
    train: sortedFiles.filter((_, index) => index % 10 !== 9),
    validation: sortedFiles.filter((_, index) => index % 10 === 9),
  };
}
