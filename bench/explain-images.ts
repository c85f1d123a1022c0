import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { prepare } from "../lib/imaging/preparing/prepare";
import { phantomClasses } from "../lib/phantom/cell";
import { writePhantoms } from "../lib/phantom/write-phantoms";

export interface BenchImage {
  readonly name: string;
  /** [3, size, size], normalised. */
  readonly tensor: Float32Array;
  readonly baseline: Float32Array;
}

/** Images of cells, as many from each class as it goes: those of the reference folder, else phantoms. */
export async function benchImages(
  count: number,
  size: number,
  baselineOf: (tensor: Float32Array) => Float32Array,
  scratch: string,
): Promise<BenchImage[]> {
  const files = existingFolder() ?? (await phantomFolder(scratch, count));
  const chosen = turnByTurn(files.map(imagesIn)).slice(0, count);
  return await Promise.all(
    chosen.map(async (file) => {
      const { tensor } = await prepare(readFileSync(file), { input: { width: size, height: size } });
      return {
        name: `${path.basename(path.dirname(file))}-${path.basename(file)}`,
        tensor,
        baseline: baselineOf(tensor),
      };
    }),
  );
}

/** The folders of the classes of both real data sets. */
function existingFolder(): string[] | undefined {
  const reference = process.env["CYTOLENS_REFERENCE"];
  if (!reference) return undefined;
  const folders = ["herlev", "cric"].flatMap((name) => foldersIn(path.join(reference, "data", name)));
  return folders.length > 0 ? folders : undefined;
}

async function phantomFolder(scratch: string, count: number): Promise<string[]> {
  const folder = path.join(scratch, "phantoms");
  const perClass = Math.ceil(count / phantomClasses.length);
  if (!existsSync(folder))
    await writePhantoms({
      folder,
      kind: "fields",
      classes: phantomClasses,
      countPerClass: perClass,
      size: 512,
      seed: 20_001,
    });
  return foldersIn(path.join(folder, "images"));
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => path.join(folder, name))
    .sort();
}

function imagesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /\.(png|bmp|jpe?g)$/i.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}

function turnByTurn<Item>(lists: readonly (readonly Item[])[]): Item[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) => lists.flatMap((list) => list.slice(turn, turn + 1))).flat();
}
