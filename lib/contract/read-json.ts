/** What stands in a text that people write as JSON, or why nothing can be read from it. */
type JsonReading = { readonly value: unknown } | { readonly problem: string };

/**
 * The one place where text that people write becomes JSON: editors put byte order marks before it (RFC 8259, section 8.1, lets
 * readers ignore them) and Windows writes UTF-16. Nothing is thrown: who asked says whose file it is and what was expected.
 * @param text bytes as they lie on the disk, or text
 */
export function readJson(text: Uint8Array | string): JsonReading {
  const decoded = typeof text === "string" ? text : decodeText(text);
  if (decoded === undefined) return { problem: "bytes that are neither UTF-8 nor UTF-16; save the file as UTF-8" };
  const bare = decoded.replace(/^\uFEFF/, "");
  if (bare.trim() === "") return { problem: "nothing" };
  try {
    return { value: JSON.parse(bare) as unknown };
  } catch (error) {
    return { problem: `text that is not: ${(error as Error).message}` };
  }
}

/** Text of a file that people wrote, in UTF-8 or UTF-16, with or without a byte order mark; undefined where it is neither. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Without a mark a zero byte beside the first letter tells: JSON, CSV and the like begin with a letter of ASCII. */
function encodingOf([first, second]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return "utf-16le";
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return "utf-16be";
  return "utf-8";
}
