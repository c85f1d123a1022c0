export interface ColourProfile {
  /** As the profile calls itself; "unnamed" where it does not. */
  readonly name: string;
  /** Of what its values are: "RGB", "GRAY", "CMYK". */
  readonly space: string;
  /** sRGB itself: nothing is to be converted. */
  readonly isSrgb: boolean;
}

const headerLength = 128;
const mostTags = 200;
const longestName = 80;

/** What an embedded ICC profile says of itself (ICC.1:2022, 7.2 and 9.2.41); undefined for bytes that are no profile. */
export function describeProfile(icc: Uint8Array | undefined): ColourProfile | undefined {
  if (!icc || icc.length < headerLength + 4) return undefined;
  const profile = Buffer.from(icc.buffer, icc.byteOffset, icc.byteLength);
  if (profile.toString("latin1", 36, 40) !== "acsp") return undefined;
  const name = profileName(profile);
  return {
    name: name === "" ? "unnamed" : name,
    space: profile.toString("latin1", 16, 20).trim(),
    isSrgb: /\bs\s?RGB\b|IEC\s?61966-?2[.-]1/i.test(name),
  };
}

function profileName(profile: Buffer): string {
  const tags = Math.min(profile.readUInt32BE(headerLength), mostTags);
  for (let i = 0, at = headerLength + 4; i < tags && at + 12 <= profile.length; i++, at += 12) {
    if (profile.toString("latin1", at, at + 4) === "desc") return textOf(profile, profile.readUInt32BE(at + 4));
  }
  return "";
}

/** The first text of a description: ASCII (version 2) or UTF-16 (version 4). */
function textOf(profile: Buffer, at: number): string {
  if (at + 28 > profile.length) return "";
  const type = profile.toString("latin1", at, at + 4);
  if (type === "desc") {
    const end = at + 12 + Math.min(profile.readUInt32BE(at + 8), longestName);
    return printable(profile.toString("latin1", at + 12, Math.min(end, profile.length)));
  }
  if (type !== "mluc") return "";
  const start = at + profile.readUInt32BE(at + 24);
  const end = start + 2 * Math.floor(Math.min(profile.readUInt32BE(at + 20), 2 * longestName) / 2);
  if (end > profile.length) return "";
  return printable(Buffer.from(profile.subarray(start, end)).swap16().toString("utf16le"));
}

const printable = (text: string): string =>
  text
    .replace(/\0[^]*$/, "")
    .replaceAll(/\p{C}/gu, "")
    .trim();
