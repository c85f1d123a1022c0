const mark = "cytolens: this stands for a file that could not be read\n";

/** What is put into a batch in place of a file that cannot be read: the file keeps its line in the table, with the reason. */
export const missingImage = (reason: string): string => `${mark}${reason}\n`;

/**
 * Why these bytes are no image but stand for one: what `missingImage` wrote, or what Git LFS and git-annex leave where a
 * file's content has not been fetched. Undefined for everything else.
 */
export function missingReason(bytes: Uint8Array): string | undefined {
  const begins = (text: string): boolean => Buffer.from(bytes.subarray(0, text.length)).toString("latin1") === text;
  if (begins(mark)) return Buffer.from(bytes).toString("utf8").slice(mark.length).trimEnd();
  if (begins("version https://git-lfs.github.com/spec/"))
    return "Expected an image but received a pointer of Git LFS: its content was not fetched (git lfs pull)";
  if (begins("/annex/objects/"))
    return "Expected an image but received a pointer of git-annex: its content was not fetched (git annex get)";
  return undefined;
}
