import { beyondLimit } from "./checkpoint-errors";
import { ModelError } from "../contract/errors";

/** The bytes at hand end before the pickle does; whoever holds only its beginning may read on. */
export class PickleCutShort extends ModelError {
  constructor() {
    super("checkpoint.invalid", "Expected a whole pickle in a checkpoint but received a part (is the file cut short?)");
  }
}

const longestInteger = 256;
const longestLine = 1000;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads the arguments of a pickle's opcodes. Nothing is allocated for a length before the bytes are known to be there. */
export class PickleCursor {
  private readonly view: DataView;
  position = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  unsigned(width: 1 | 2 | 4): number {
    const at = this.skip(width);
    return width === 1
      ? this.view.getUint8(at)
      : width === 2
        ? this.view.getUint16(at, true)
        : this.view.getUint32(at, true);
  }

  int32(): number {
    return this.view.getInt32(this.skip(4), true);
  }

  /** A length in eight bytes. */
  length64(): number {
    const value = this.view.getBigUint64(this.skip(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new PickleCutShort();
    return Number(value);
  }

  /** The one number that a pickle writes with its first byte highest. */
  float64(): number {
    return this.view.getFloat64(this.skip(8), false);
  }

  take(length: number): Uint8Array {
    const at = this.skip(length);
    return this.bytes.subarray(at, at + length);
  }

  text(length: number): string {
    const bytes = this.take(length);
    try {
      return utf8.decode(bytes);
    } catch {
      // Lone surrogates, which Python writes as three bytes each, and the byte strings of Python 2.
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    }
  }

  /** A line without its line break. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end < 0 && this.bytes.length - this.position <= longestLine) throw new PickleCutShort();
    if (end < 0 || end - this.position > longestLine) {
      throw beyondLimit("a name in a pickle", `${longestLine} bytes`, "a longer one");
    }
    const line = this.text(end - this.position);
    this.position++;
    return line;
  }

  /** A two's complement integer, lowest byte first; a bigint where a number would lose digits. */
  integer(length: number): number | bigint {
    if (length > longestInteger) throw beyondLimit("an integer", `${longestInteger} bytes`, `${length}`);
    const bytes = this.take(length);
    let value = 0n;
    for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
    value = BigInt.asIntN(8 * length, value);
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  private skip(length: number): number {
    const at = this.position;
    if (length > this.bytes.length - at) throw new PickleCutShort();
    this.position += length;
    return at;
  }
}

export function opcodeName(code: number): string {
  return `opcode 0x${code.toString(16).padStart(2, "0")}`;
}

export function malformed(expected: string, received: string): ModelError {
  return new ModelError("checkpoint.invalid", `Expected ${expected} in a checkpoint's pickle but received ${received}`);
}
