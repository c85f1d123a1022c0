import { UserError } from "../contract/errors";
import type { DataSet, LabelledFile } from "./data-set";
import { splitOf, type Split, type SplitName } from "./data-split";
import { dealGroups } from "./group-folds";
import { readGroups, valuesBy, type Grouping } from "./image-groups";

/** How images are parted: by the split alone, group by group, by folds that a table names, or one of several folds held out. */
export interface SplitChoice {
  readonly split: SplitName;
  /** A rule for groups that must not be parted; see `readGroups`. */
  readonly groups?: string | undefined;
  /** A column that gives each image's fold: `cells.csv:fold`, or `fold` alone for the table of the groups. */
  readonly foldColumn?: string | undefined;
  /** With a fold column, the folds of each part; one that is left out takes what no other part names. */
  readonly partFolds?: Readonly<Partial<Record<keyof Split, readonly string[]>>> | undefined;
  /** Of so many class-balanced folds, which one is held out: it validates, the others train. */
  readonly heldOut?: { readonly fold: number; readonly of: number } | undefined;
}

export interface ChosenSplit extends Split {
  /** For the card. */
  readonly description: string;
  readonly grouping?: Grouping | undefined;
}

/** Shares of train, validation and test, for groups. */
const shares: Readonly<Record<SplitName, readonly [number, number, number]>> = {
  study: [0.7, 0.2, 0.1],
  tenth: [0.9, 0.1, 0],
  "one-to-nine": [0.1, 0, 0.9],
};

/** @throws UserError "groups.…" */
export async function chooseSplit(dataSet: DataSet, choice: SplitChoice): Promise<ChosenSplit> {
  const grouping = choice.groups === undefined ? undefined : await readGroups(dataSet, choice.groups);
  if (choice.foldColumn !== undefined) return byFoldColumn(dataSet, choice.foldColumn, choice, grouping);
  if (choice.heldOut) {
    const { fold, of } = choice.heldOut;
    const folds = classBalancedFolds(dataSet, of, grouping);
    return {
      train: folds.flatMap((files, index) => (index === fold ? [] : files)).toSorted(byPlace(dataSet)),
      validation: folds[fold] ?? [],
      test: [],
      description: `fold ${fold} of ${of} held out`,
      grouping,
    };
  }
  if (!grouping)
    return {
      ...splitOf(dataSet, choice.split),
      description: dataSet.layout === "split-folders" ? "the data's own folders" : choice.split,
    };
  const [train = [], validation = [], test = []] = dealt(dataSet, grouping, shares[choice.split]);
  refuseMissingClasses(dataSet, filledParts(train, validation), grouping);
  return {
    train,
    validation: choice.split === "one-to-nine" ? train : validation,
    test,
    description: `${choice.split}, no group in two parts`,
    grouping,
  };
}

/** @throws UserError "groups.fold-without-class" */
export function classBalancedFolds(dataSet: DataSet, count: number, grouping: Grouping | undefined): LabelledFile[][] {
  const folds = dealt(
    dataSet,
    grouping,
    Array.from({ length: count }, () => 1 / count),
  );
  refuseMissingClasses(dataSet, Object.fromEntries(folds.map((files, index) => [`fold ${index}`, files])), grouping);
  return folds;
}

function refuseMissingClasses(
  dataSet: DataSet,
  parts: Readonly<Record<string, readonly LabelledFile[]>>,
  grouping: Grouping | undefined,
): void {
  for (const [part, files] of Object.entries(parts)) {
    for (const [label, className] of dataSet.classes.entries()) {
      if (files.some((file) => file.label === label)) continue;
      const holders = new Set(
        dataSet.files.filter((file) => file.label === label).map(({ name }) => grouping?.of.get(name) ?? name),
      );
      throw new UserError(
        "groups.fold-without-class",
        `Expected images of every class in each part but ${part} has none of ${className}, which ${holders.size} ${grouping ? "groups" : "images"} hold; choose fewer or other folds`,
      );
    }
  }
}

/** The parts that hold anything: evaluation asks for no validation part. */
function filledParts(train: readonly LabelledFile[], validation: readonly LabelledFile[]) {
  return Object.fromEntries(Object.entries({ train, validation }).filter(([, files]) => files.length > 0));
}

function dealt(dataSet: DataSet, grouping: Grouping | undefined, parts: readonly number[]): LabelledFile[][] {
  const used = dealGroups(
    dataSet,
    ({ name }) => grouping?.of.get(name) ?? name,
    parts.filter((share) => share > 0),
  );
  return parts.map((share) => (share > 0 ? (used.shift() ?? []) : []));
}

async function byFoldColumn(
  dataSet: DataSet,
  column: string,
  { groups, heldOut, partFolds: asked = {} }: SplitChoice,
  grouping: Grouping | undefined,
): Promise<ChosenSplit> {
  const table = groups?.includes(".csv:") ? groups.slice(0, groups.lastIndexOf(":")) : undefined;
  if (!column.includes(":") && table === undefined)
    throw new UserError(
      "groups.rule",
      `Expected a table and a column for the folds, as in cells.csv:fold, but received "${column}"`,
    );
  const rule = column.includes(":") ? column : `${table}:${column}`;
  const folds = await valuesBy(dataSet, rule);
  refuseParted(grouping, folds, rule);
  const present = [...new Set(folds.values())].sort();
  if (heldOut && present.length !== heldOut.of)
    throw new UserError(
      "groups.fold",
      `Expected ${heldOut.of} folds in ${rule} but received ${present.length}: ${present.join(", ")}`,
    );
  const partFolds = heldOut ? { validation: present.slice(heldOut.fold, heldOut.fold + 1) } : asked;
  const named = Object.values(partFolds).flat();
  const strangers = named.filter((fold) => !present.includes(fold));
  if (strangers.length > 0)
    throw new UserError(
      "groups.fold",
      `Expected folds of ${rule} (${present.join(", ")}) but received ${strangers.join(", ")}`,
    );
  const twice = named.filter((fold, index) => named.indexOf(fold) !== index);
  if (twice.length > 0)
    throw new UserError("groups.fold", `Expected each fold in one part but ${twice.join(", ")} is in two`);
  const rest = present.filter((fold) => !named.includes(fold));
  const open = (["train", "validation", "test"] as const).find((part) => partFolds[part] === undefined);
  const part = (name: keyof Split): LabelledFile[] => {
    const wanted = partFolds[name] ?? (name === open ? rest : []);
    return dataSet.files.filter((file) => wanted.includes(folds.get(file.name) ?? ""));
  };
  const parts = { train: part("train"), validation: part("validation"), test: part("test") };
  refuseMissingClasses(dataSet, filledParts(parts.train, parts.validation), grouping);
  const texts = Object.entries(parts).flatMap(([name, files]) => {
    const of = [...new Set(files.map((file) => folds.get(file.name)))].sort();
    return of.length === 0 ? [] : [`${name} ${of.join(", ")}`];
  });
  return { ...parts, description: `folds of ${rule}: ${texts.join("; ")}`, grouping };
}

/** A group in two folds would be on both sides. */
function refuseParted(grouping: Grouping | undefined, folds: ReadonlyMap<string, string>, rule: string): void {
  const foldOf = new Map<string, string>();
  for (const [name, group] of grouping?.of ?? []) {
    const fold = folds.get(name) ?? "";
    const known = foldOf.get(group) ?? fold;
    if (known !== fold)
      throw new UserError(
        "groups.fold",
        `Expected every group by ${grouping?.by} in one fold of ${rule} but "${group}" is in ${known} and ${fold}`,
      );
    foldOf.set(group, fold);
  }
}

function byPlace({ files }: DataSet): (a: LabelledFile, b: LabelledFile) => number {
  const place = new Map(files.map((file, index) => [file.name, index]));
  return (a, b) => (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0);
}
