import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../contract/errors";
import { decodeText } from "../contract/read-json";
import { parseCsv, type CsvTable } from "./csv-table";
import type { DataSet, LabelledFile } from "./data-set";

/** Which images belong together: of one slide, field or patient. What a group trains with must not be tested with the same group. */
export interface Grouping {
  /** The rule as it was asked for. */
  readonly by: string;
  /** The group of each image, by the image's name. */
  readonly of: ReadonlyMap<string, string>;
  readonly count: number;
}

/**
 * Reads groups by a rule: `cells.csv:field` (a column of a table in the data folder or at a path, whose rows name the images by file name,
 * stem or path below the data folder), `folder:1` (the first folder below the class), or a pattern on the file's name whose first
 * parenthesis is the group, `^(\d+)-`.
 * @throws UserError "groups.rule", "groups.table", "groups.missing", "groups.one", "groups.class-in-one-group"
 */
export async function readGroups(dataSet: DataSet, rule: string): Promise<Grouping> {
  const of = await valuesBy(dataSet, rule);
  const groups = new Set(of.values());
  if (groups.size === 1)
    throw new UserError(
      "groups.one",
      `Expected at least two groups by ${rule} but all ${dataSet.files.length} images are of "${[...groups].join("")}"`,
    );
  for (const [label, className] of dataSet.classes.entries()) {
    const own = new Set(dataSet.files.filter((file) => file.label === label).map(({ name }) => of.get(name)));
    if (own.size === 1)
      throw new UserError(
        "groups.class-in-one-group",
        `Expected every class in at least two groups by ${rule}, to train on one and test on another, but all images of ${className} are of "${[...own].join("")}"`,
      );
  }
  return { by: rule, of, count: groups.size };
}

/** What a rule says of each image, by the image's name; for groups and for folds. */
export async function valuesBy(dataSet: DataSet, rule: string): Promise<ReadonlyMap<string, string>> {
  const [, table, column] = /^(.+\.(?:csv|tsv|txt)):(.+)$/i.exec(rule) ?? [];
  const valueOf =
    table !== undefined && column !== undefined
      ? await byTable(dataSet, table, column)
      : (byFolder(rule) ?? byPattern(rule));
  const found = dataSet.files.map((file) => [file.name, valueOf(file)] as const);
  const missing = found.filter(([, value]) => value === undefined || value === "").map(([name]) => name);
  if (missing.length > 0)
    throw new UserError(
      "groups.missing",
      `Expected ${rule} to give a value for every image but ${missing.length} of ${found.length} have none: ${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ", …" : ""}`,
    );
  return new Map(found.map(([name, value]) => [name, value ?? ""]));
}

type ValueOf = (file: LabelledFile) => string | undefined;

function byFolder(rule: string): ValueOf | undefined {
  const [, digits] = /^folder:(\d+)$/.exec(rule) ?? [];
  if (digits === undefined) return undefined;
  const level = Number(digits);
  if (level < 1)
    throw new UserError(
      "groups.rule",
      `Expected folder:1 (the first folder below the class) or deeper but received ${rule}`,
    );
  return ({ name }) => {
    const folders = name.split("/").slice(1, -1);
    return folders.length < level ? undefined : folders.slice(0, level).join("/");
  };
}

function byPattern(rule: string): ValueOf {
  let pattern: RegExp;
  try {
    pattern = new RegExp(rule, "u");
  } catch (cause) {
    throw new UserError(
      "groups.rule",
      `Expected a column (cells.csv:field), a folder (folder:1) or a pattern (^(\\d+)-) to group by but received "${rule}": ${(cause as Error).message}`,
      { cause },
    );
  }
  if (new RegExp(`${rule}|`, "u").exec("")?.length === 1)
    throw new UserError(
      "groups.rule",
      `Expected a pattern with a parenthesis around the group, as in ^(\\d+)-, but received "${rule}"`,
    );
  return ({ name }) => pattern.exec(path.posix.basename(name))?.[1];
}

async function byTable(dataSet: DataSet, file: string, column: string): Promise<ValueOf> {
  const inside = path.join(dataSet.folder, file);
  // Of phantoms, the folder that was named is the one above.
  const above = path.join(dataSet.folder, "..", file);
  const place = [inside, ...(dataSet.layout === "phantoms" ? [above] : [])].find(existsSync) ?? file;
  const bytes = await readFile(place).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      "groups.table",
      `Expected a table at ${inside} or ${file} but received: ${cause.code ?? cause.message}`,
      { cause },
    );
  });
  const text = decodeText(bytes);
  if (text === undefined)
    throw new UserError("groups.table", `Expected ${file} in UTF-8 or UTF-16 but received bytes that are neither`);
  const table = parseCsv(text);
  const wanted = table.columns.indexOf(column);
  if (wanted === -1)
    throw new UserError(
      "groups.table",
      `Expected a column "${column}" in ${file} but its columns are ${table.columns.join(", ")}`,
    );
  const key = namingColumn(dataSet, table);
  if (key === undefined)
    throw new UserError(
      "groups.table",
      `Expected a column of ${file} that names the images of ${dataSet.folder} (${dataSet.files[0]?.name ?? ""}, …) but none of ${table.columns.join(", ")} names any: is it the table of another set?`,
    );
  const values = new Map<string, string>();
  for (const row of table.rows) {
    const [name = "", value = ""] = [row[key], row[wanted]];
    const known = values.get(name);
    if (known !== undefined && known !== value)
      throw new UserError(
        "groups.table",
        `Expected one ${column} for each image in ${file} but "${name}" has ${known} and ${value}`,
      );
    values.set(name, value);
  }
  return (image) =>
    namesOf(image)
      .map((name) => values.get(name))
      .find((value) => value !== undefined);
}

/** The column whose cells name most images. */
function namingColumn({ files }: DataSet, { columns, rows }: CsvTable): number | undefined {
  const counts = columns.map((_, at) => {
    const cells = new Set(rows.map((row) => row[at]));
    return files.filter((file) => namesOf(file).some((name) => cells.has(name))).length;
  });
  const most = Math.max(...counts);
  return most === 0 ? undefined : counts.indexOf(most);
}

/** How a table may name an image: its path below the data folder, its file name, or that without the ending. */
function namesOf({ name }: LabelledFile): string[] {
  const base = path.posix.basename(name);
  return [name, base, base.slice(0, base.length - path.posix.extname(base).length)];
}
