import { beyondLimit, invalidCheckpoint, shown } from "./checkpoint-errors";
import { crc32 } from "./crc32";
import type { FileRanges } from "./file-ranges";

interface ZipEntry {
  readonly name: string;
  readonly size: number;
  /** Bytes in the file: `size` where nothing is compressed. */
  readonly stored: number;
  readonly method: number;
  readonly encrypted: boolean;
  readonly checksum: number;
  /** Where the entry's local header begins; its data follow that header. */
  readonly headerOffset: number;
}

export interface ZipArchive {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** A stored entry's bytes, with their checksum compared. */
  read(entry: ZipEntry): Promise<Uint8Array<ArrayBuffer>>;
}

const signatures = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator: 0x07064b50 };
const sizes = { local: 30, central: 46, end: 22, end64: 56, locator: 20, comment: 0xffff };
const unknown32 = 0xffffffff;
const longestDirectory = 64 * 2 ** 20;

/**
 * The directory of a zip file; entries are read where they are stored without compression, as torch.save stores them.
 * Source: PKWARE APPNOTE 6.3.10, sections 4.3 (records) and 4.5.3 (64-bit sizes).
 * Throws ModelError "checkpoint.invalid" or "checkpoint.limit".
 */
export async function openZip(file: FileRanges): Promise<ZipArchive> {
  const { offset, size } = await findDirectory(file);
  if (size > longestDirectory) throw beyondLimit("a zip directory", `${longestDirectory} bytes`, `${size}`);
  const entries = readDirectory(view(await file.read(offset, size)));
  return { entries, read: (entry) => readEntry(file, entry) };
}

async function findDirectory(file: FileRanges): Promise<{ offset: number; size: number }> {
  const tailLength = Math.min(file.size, sizes.end + sizes.comment);
  const tailStart = file.size - tailLength;
  const tail = view(await file.read(tailStart, tailLength));
  let at = tailLength - sizes.end;
  while (at >= 0 && tail.getUint32(at, true) !== signatures.end) at--;
  if (at < 0) throw invalidCheckpoint("the end of a zip directory", "none (is the file cut short?)");

  const locatorAt = at - sizes.locator;
  if (locatorAt >= 0 && tail.getUint32(locatorAt, true) === signatures.locator) {
    const record = view(await file.read(wide(tail, locatorAt + 8), sizes.end64));
    if (record.getUint32(0, true) !== signatures.end64) {
      throw invalidCheckpoint("the end of a 64-bit zip directory", "other bytes");
    }
    return { size: wide(record, 40), offset: wide(record, 48) };
  }
  return { size: tail.getUint32(at + 12, true), offset: tail.getUint32(at + 16, true) };
}

function readDirectory(directory: DataView): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at < directory.byteLength;) {
    need(directory, at, sizes.central);
    if (directory.getUint32(at, true) !== signatures.central) {
      throw invalidCheckpoint("an entry of the zip directory", "other bytes");
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => directory.getUint16(at + field, true));
    const nameAt = at + sizes.central;
    const extraAt = nameAt + (nameLength ?? 0);
    const next = extraAt + (extraLength ?? 0) + (commentLength ?? 0);
    need(directory, at, next - at);
    const name = Buffer.from(directory.buffer, directory.byteOffset + nameAt, nameLength).toString("utf8");
    const entry = sizesOfEntry(directory, at, { from: extraAt, to: extraAt + (extraLength ?? 0) });
    if (entries.has(name)) throw invalidCheckpoint(`one entry ${shown(name)}`, "two");
    entries.set(name, {
      name,
      ...entry,
      encrypted: (directory.getUint16(at + 8, true) & 1) === 1,
      method: directory.getUint16(at + 10, true),
      checksum: directory.getUint32(at + 16, true),
    });
    at = next;
  }
  return entries;
}

/** Sizes that do not fit 32 bits stand in the extra field 0x0001, in this order, each only where it is needed. */
function sizesOfEntry(directory: DataView, at: number, extra: { from: number; to: number }) {
  const narrow = [24, 20, 42].map((field) => directory.getUint32(at + field, true));
  let wideAt = narrow.includes(unknown32) ? findExtra(directory, extra.from, extra.to) : undefined;
  const [size = 0, stored = 0, headerOffset = 0] = narrow.map((value) => {
    if (value !== unknown32 || wideAt === undefined) return value;
    need(directory, wideAt, 8);
    wideAt += 8;
    return wide(directory, wideAt - 8);
  });
  return { size, stored, headerOffset };
}

function findExtra(directory: DataView, from: number, to: number): number | undefined {
  for (let at = from; at + 4 <= to; at += 4 + directory.getUint16(at + 2, true)) {
    if (directory.getUint16(at, true) === 1) return at + 4;
  }
  return undefined;
}

/** The directory may list what is never read; only an entry that is read has to be plain. */
function checkStored({ name, size, stored, method, encrypted }: ZipEntry): void {
  if (!encrypted && method === 0 && size === stored) return;
  throw invalidCheckpoint(
    `${shown(name)} stored as it is, as torch.save does it,`,
    encrypted
      ? "an encrypted entry"
      : `a compressed entry (method ${method}): unpack the zip and pack it without compression`,
  );
}

async function readEntry(file: FileRanges, entry: ZipEntry) {
  checkStored(entry);
  const { name, size, checksum, headerOffset } = entry;
  const header = view(await file.read(headerOffset, sizes.local));
  if (header.getUint32(0, true) !== signatures.local) throw invalidCheckpoint(`the header of ${shown(name)}`, "none");
  const start = headerOffset + sizes.local + header.getUint16(26, true) + header.getUint16(28, true);
  const bytes = await file.read(start, size);
  // PyTorch writes 0 where it was told to compute no checksums (torch.serialization.set_crc32_options).
  if (checksum !== 0 && crc32(bytes) !== checksum) {
    throw invalidCheckpoint(`${shown(name)} with the checksum of the directory`, "another: the file is damaged");
  }
  return bytes;
}

function need(directory: DataView, at: number, length: number): void {
  if (at + length > directory.byteLength) throw invalidCheckpoint("a whole zip directory", "a part of it");
}

function wide(of: DataView, at: number): number {
  const value = of.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidCheckpoint("sizes within the file", `${value} bytes`);
  return Number(value);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
