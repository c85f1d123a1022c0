import path from "node:path";
import { sha256Of } from "../contract/digests";
import type { ObjectKey } from "../contract/names";

/** Our own folder inside the bucket's: temporary files, locks, and the objects whose keys are no paths. Never listed. */
export const privateFolder = ".cytolens";

const longestSegmentBytes = 255;
const reservedOnWindows = /^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i;
// The characters Windows refuses are many, among them all below space.
// oxlint-disable-next-line no-control-regex
const refusedOnWindows = /[<>:"\\|?*\u0000-\u001f]|[. ]$/;

/**
 * Whether a key can be a path as it is: most are, so that people find and open their files.
 * The others (with empty, "." or ".." segments, NUL, names too long for a disk) are kept under a digest, see `oddPaths`.
 */
export function isPlain(key: string, platform: NodeJS.Platform = process.platform): boolean {
  const segments = key.split("/");
  if (segments[0]?.toLowerCase() === privateFolder) return false;
  return segments.every((segment) => {
    if (
      segment === "" ||
      segment === "." ||
      segment === ".." ||
      segment.includes("\0") ||
      Buffer.byteLength(segment) > longestSegmentBytes
    )
      return false;
    if (Buffer.from(segment, "utf8").toString("utf8") !== segment) return false;
    return platform !== "win32" || (!refusedOnWindows.test(segment) && !reservedOnWindows.test(segment));
  });
}

export const plainPath = (root: string, key: string): string => path.join(root, ...key.split("/"));

export interface OddPaths {
  /** Holds the key. */
  readonly name: string;
  /** Holds the object. */
  readonly data: string;
}

export const oddFolder = (root: string): string => path.join(root, privateFolder, "odd");

export function oddPaths(root: string, key: ObjectKey): OddPaths {
  const digest = sha256Of(key);
  return { name: path.join(oddFolder(root), `${digest}.key`), data: path.join(oddFolder(root), `${digest}.data`) };
}
