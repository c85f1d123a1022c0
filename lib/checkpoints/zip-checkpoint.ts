import { ModelError } from "../contract/errors";
import { beyondLimit, howToConvert, invalidCheckpoint, shown } from "./checkpoint-errors";
import type { FileRanges } from "./file-ranges";
import type { StoredCheckpoint } from "./stored-checkpoint";
import { readPickle } from "./read-pickle";
import { torchVocabulary } from "./torch-vocabulary";
import { openZip, type ZipArchive } from "./zip-archive";

export const longestPickle = 64 * 2 ** 20;

/**
 * A checkpoint as torch.save has written it since PyTorch 1.6: a zip archive of <name>/data.pkl, one stored entry
 * <name>/data/<key> for each storage, and <name>/byteorder.
 */
export async function openZipCheckpoint(file: FileRanges): Promise<StoredCheckpoint> {
  const archive = await openZip(file);
  const folder = folderOf(archive);
  const pickle = archive.entries.get(`${folder}data.pkl`);
  if (!pickle) throw invalidCheckpoint("data.pkl", "none");
  if (pickle.size > longestPickle) throw beyondLimit("a pickle", `${longestPickle} bytes`, `${pickle.size}`);
  const vocabulary = torchVocabulary();
  const { value } = readPickle(await archive.read(pickle), vocabulary);
  return {
    format: "pytorch-zip",
    value,
    unknown: [...vocabulary.unknown],
    bigEndian: await isBigEndian(archive, folder),
    async readStorage({ key, byteLength }) {
      const entry = archive.entries.get(`${folder}data/${key}`);
      if (!entry) throw invalidCheckpoint(`the data of storage ${shown(key)}`, "none");
      if (entry.size !== byteLength) {
        throw invalidCheckpoint(`${byteLength} bytes for storage ${shown(key)}`, `${entry.size}`);
      }
      return await archive.read(entry);
    },
  };
}

function folderOf({ entries }: ZipArchive): string {
  const folders = [...entries.keys()].flatMap((name) => /^((?:[^/]+\/)?)data\.pkl$/.exec(name)?.[1] ?? []);
  const [folder, ...more] = folders;
  if (folder === undefined) {
    throw new ModelError(
      "checkpoint.format",
      "Expected a PyTorch checkpoint but received a zip archive without data.pkl at its top",
    );
  }
  if (more.length > 0) throw invalidCheckpoint("one data.pkl", `${folders.length}`);
  if (entries.has(`${folder}constants.pkl`)) {
    throw new ModelError(
      "checkpoint.format",
      `Expected a PyTorch checkpoint but received a TorchScript program, which is code: ${howToConvert}`,
    );
  }
  return folder;
}

async function isBigEndian({ entries, read }: ZipArchive, folder: string): Promise<boolean> {
  const entry = entries.get(`${folder}byteorder`);
  if (!entry) return false;
  if (entry.size > 16) throw invalidCheckpoint("little or big as byte order", `${entry.size} bytes`);
  const order = Buffer.from(await read(entry)).toString("latin1");
  if (order !== "little" && order !== "big") throw invalidCheckpoint("little or big as byte order", shown(order));
  return order === "big";
}
