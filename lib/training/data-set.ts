import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../contract/errors";
import { sha256Of } from "../contract/digests";
import { labelImagesAmong } from "../contract/label-images";
import type { DataSet, LabelledFile } from "./labelled-files";
import { joinParts, partsAmong } from "./split-folders";

/** Which of SIPaKMeD's image sets to read; the masked ones are the full fields behind the study's Otsu mask. */
export type SipakmedVariant = "full" | "cropped" | "masked";

export type { DataSet, LabelledFile };

const imageExtensions = new Set([".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"]);

/**
 * Reads a folder with one folder of images a class; SIPaKMeD's own layout (im_<class>/im_<class>/*.bmp with CROPPED/ beside them),
 * what `cytolens phantom` writes, and train/, val/, test/ with class folders in each are recognised. Links are followed; label images
 * beside their image are left out and said (see `labelImagesAmong`).
 * @throws UserError "data.missing", "data.no-classes", "data.one-class", "data.empty-class"
 */
export async function readDataSet(folder: string, variant: SipakmedVariant = "full"): Promise<DataSet> {
  const names = await foldersIn(folder);
  if (names.length === 2 && names.includes("images") && names.includes("truth")) {
    return { ...(await readDataSet(path.join(folder, "images"))), layout: "phantoms", masked: variant === "masked" };
  }
  const parts = partsAmong(names);
  if (parts && (await foldersIn(path.join(folder, [...parts.keys()][0] ?? ""))).length > 0) {
    const read = [...parts].map(async ([name, part]) => ({
      name,
      part,
      dataSet: await readDataSet(path.join(folder, name), variant),
    }));
    return joinParts(folder, await Promise.all(read));
  }
  const sipakmed =
    names.length > 0 && (await Promise.all(names.map((name) => isSipakmedClass(folder, name)))).every(Boolean);
  const masked = variant === "masked";
  const found = await Promise.all(
    names.map(async (name) => {
      const below = sipakmed ? path.join(name, name, ...(variant === "cropped" ? ["CROPPED"] : [])) : name;
      return {
        name: sipakmed ? name.slice("im_".length) : name,
        below,
        ...(await imagesIn(path.join(folder, below), !sipakmed)),
      };
    }),
  );
  refuseUnusable(
    folder,
    found.map(({ name, images }) => ({ name, count: images.length })),
  );
  const classes = found.sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    folder,
    layout: sipakmed ? "sipakmed" : "class-folders",
    classes: classes.map(({ name }) => name),
    masked,
    notes: notesOf(folder, classes),
    files: classes.flatMap(({ below, images }, label) =>
      images.map((image) => ({
        file: path.join(folder, below, image),
        name: path.posix.join(...below.split(path.sep), image),
        label,
      })),
    ),
  };
}

/** A digest over names, sizes and labels of all files: tells whether two runs saw the same data without reading every byte again. */
export async function digestOf(dataSet: DataSet): Promise<string> {
  const lines = await Promise.all(
    dataSet.files.map(async ({ file, name, label }) => `${label} ${await sizeOf(file)} ${name}`),
  );
  return sha256Of([dataSet.classes.join("\n"), ...lines].join("\n"));
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      "data.missing",
      `Expected a folder with a folder of images for each class at ${folder} but received: ${cause.code ?? cause.message}`,
      { cause },
    );
  });
  const folders: string[] = [];
  for (const entry of entries) {
    const isFolder =
      entry.isDirectory() || (entry.isSymbolicLink() && (await isFolderAt(path.join(folder, entry.name))));
    if (isFolder && !entry.name.startsWith(".")) folders.push(entry.name);
  }
  return folders.sort();
}

/**
 * Names below the folder; with `deep`, those in folders within too, which may stand for slides. A link counts, wherever it leads: one that
 * leads nowhere is an unreadable image by its name.
 */
async function imagesIn(folder: string, deep: boolean): Promise<{ images: string[]; labelImages: string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map(({ name }) => name)
    .filter((name) => imageExtensions.has(path.extname(name).toLowerCase()));
  const labels = labelImagesAmong(names);
  const folders = entries.filter((entry) => deep && entry.isDirectory() && !entry.name.startsWith("."));
  const within = await Promise.all(
    folders.map(async ({ name }) => ({ name, ...(await imagesIn(path.join(folder, name), deep)) })),
  );
  const below = (kind: "images" | "labelImages"): string[] =>
    within.flatMap((found) => found[kind].map((image) => path.posix.join(found.name, image)));
  return {
    images: [...names.filter((name) => !labels.has(name)), ...below("images")].sort(),
    labelImages: [...labels, ...below("labelImages")],
  };
}

function notesOf(folder: string, classes: readonly { readonly labelImages: readonly string[] }[]): string[] {
  const labels = classes.flatMap(({ labelImages }) => labelImages);
  const example = labels[0];
  if (example === undefined) return [];
  return [
    `${labels.length} of the files in ${folder} are label images named after the image beside them (such as ${example}): left out.`,
  ];
}

const isFolderAt = (file: string): Promise<boolean> =>
  stat(file).then(
    (facts) => facts.isDirectory(),
    () => false,
  );

/** A file that cannot be read has a place among the others, so that the training names it. */
const sizeOf = (file: string): Promise<number | "unreadable"> =>
  stat(file).then(
    ({ size }) => size,
    () => "unreadable",
  );

async function isSipakmedClass(folder: string, name: string): Promise<boolean> {
  return name.startsWith("im_") && (await isFolderAt(path.join(folder, name, name)));
}

function refuseUnusable(folder: string, classes: readonly { name: string; count: number }[]): void {
  if (classes.length === 0)
    throw new UserError(
      "data.no-classes",
      `Expected a folder of images for each class in ${folder} but found no folders`,
    );
  if (classes.length === 1)
    throw new UserError(
      "data.one-class",
      `Expected at least two classes in ${folder} but found only "${classes[0]?.name}"`,
    );
  const empty = classes.filter(({ count }) => count === 0).map(({ name }) => `"${name}"`);
  if (empty.length > 0)
    throw new UserError(
      "data.empty-class",
      `Expected images in every class folder of ${folder} but found none in ${empty.join(", ")}`,
    );
}
