/** The protobuf wire format (protobuf.dev, "Encoding"): what ONNX files are made of. */

/** The bytes are not what a length, a tag or a type promised; `truncated` when they merely end too early. */
export class WireError extends Error {
  constructor(
    message: string,
    readonly truncated = false,
  ) {
    super(message);
  }
}

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const maxFieldNumber = 0x1fffffff;

/** Reads the fields of one message, in place: sub-messages and byte strings are windows on the same memory. */
export class WireReader {
  private position: number;
  private low = 0;
  private high = 0;
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    start = 0,
    readonly end = bytes.length,
  ) {
    this.position = start;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  get offset(): number {
    return this.position;
  }

  /** The next field's number and wire type. */
  tag(): { field: number; wireType: number } {
    this.readVarint();
    const field = ((this.high << 29) | (this.low >>> 3)) >>> 0;
    const wireType = this.low & 7;
    if (field === 0 || field > maxFieldNumber || this.high > 7)
      throw new WireError(`Expected a field tag at byte ${this.position} but found field number ${field}`);
    return { field, wireType };
  }

  /** A signed 64-bit varint as a number; beyond 2^53 it loses precision. */
  int64(): number {
    this.readVarint();
    return (this.high | 0) * 0x1_0000_0000 + this.low;
  }

  /** Writes a 64-bit varint's two halves, low word first, without loss. */
  int64Words(target: Uint32Array, index: number): void {
    this.readVarint();
    target[2 * index] = this.low;
    target[2 * index + 1] = this.high;
  }

  float32(): number {
    return this.view.getFloat32(this.advance(4), true);
  }

  float64(): number {
    return this.view.getFloat64(this.advance(8), true);
  }

  /** A length-delimited field's bytes, without a copy. */
  byteString(): Uint8Array {
    const length = this.length();
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  string(): string {
    const { buffer, byteOffset, byteLength } = this.byteString();
    return Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
  }

  message(): WireReader {
    const length = this.length();
    const start = this.advance(length);
    return new WireReader(this.bytes, start, start + length);
  }

  skip(wireType: number): void {
    if (wireType === WireType.varint) this.readVarint();
    else if (wireType === WireType.fixed64) this.advance(8);
    else if (wireType === WireType.bytes) this.advance(this.length());
    else if (wireType === WireType.fixed32) this.advance(4);
    else
      throw new WireError(
        `Expected a protobuf wire type (0, 1, 2 or 5) before byte ${this.position} but found ${wireType}`,
      );
  }

  private length(): number {
    this.readVarint();
    return this.high * 0x1_0000_0000 + this.low;
  }

  private advance(count: number): number {
    const start = this.position;
    if (count > this.end - start) {
      throw new WireError(
        `Expected ${count} bytes from byte ${start} on but only ${this.end - start} are left`,
        this.end === this.bytes.length,
      );
    }
    this.position = start + count;
    return start;
  }

  private readVarint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.advance(1)] as number;
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high |= part >>> 4;
      } else if (shift < 63) high |= part << (shift - 32);
      else high |= (part & 1) << 31;
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new WireError(`Expected a varint of at most 10 bytes before byte ${this.position}`);
  }
}

/** Collects one message's fields. Large byte strings are kept by reference and copied once, in `finish`. */
export class WireWriter {
  private readonly parts: Uint8Array[] = [];
  private pending = new Uint8Array(64);
  private used = 0;
  private flushed = 0;

  get length(): number {
    return this.flushed + this.used;
  }

  int64(field: number, value: number | bigint): void {
    this.varint(field * 8 + WireType.varint);
    this.signedVarint(value);
  }

  float32(field: number, value: number): void {
    this.varint(field * 8 + WireType.fixed32);
    this.reserve(4);
    new DataView(this.pending.buffer).setFloat32(this.used, value, true);
    this.used += 4;
  }

  packedInt64(field: number, values: Iterable<number | bigint>): void {
    const packed = new WireWriter();
    for (const value of values) packed.signedVarint(value);
    this.message(field, packed);
  }

  packedFloat32(field: number, values: readonly number[]): void {
    const packed = new DataView(new ArrayBuffer(values.length * 4));
    values.forEach((value, index) => packed.setFloat32(index * 4, value, true));
    this.byteString(field, new Uint8Array(packed.buffer));
  }

  string(field: number, value: string): void {
    this.byteString(field, Buffer.from(value, "utf8"));
  }

  byteString(field: number, bytes: Uint8Array): void {
    this.varint(field * 8 + WireType.bytes);
    this.varint(bytes.length);
    this.append(bytes);
  }

  message(field: number, message: WireWriter): void {
    this.varint(field * 8 + WireType.bytes);
    this.varint(message.length);
    for (const part of message.parts) this.append(part);
    this.append(message.pending.subarray(0, message.used));
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    let position = 0;
    for (const part of [...this.parts, this.pending.subarray(0, this.used)]) {
      bytes.set(part, position);
      position += part.length;
    }
    return bytes;
  }

  private append(bytes: Uint8Array): void {
    if (bytes.length <= 1024) {
      this.reserve(bytes.length);
      this.pending.set(bytes, this.used);
      this.used += bytes.length;
      return;
    }
    this.parts.push(this.pending.subarray(0, this.used), bytes);
    this.flushed += this.used + bytes.length;
    this.pending = new Uint8Array(64);
    this.used = 0;
  }

  private signedVarint(value: number | bigint): void {
    if (typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return this.varint(value);
    let rest = BigInt.asUintN(64, saturate(BigInt(value)));
    this.reserve(10);
    for (; rest > 0x7fn; rest >>= 7n) this.pending[this.used++] = Number(rest & 0x7fn) | 0x80;
    this.pending[this.used++] = Number(rest);
  }

  private varint(value: number): void {
    this.reserve(10);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.pending[this.used++] = (rest % 128) | 0x80;
    this.pending[this.used++] = rest;
  }

  private reserve(count: number): void {
    if (this.used + count <= this.pending.length) return;
    const larger = new Uint8Array(Math.max(this.pending.length * 2, this.used + count));
    larger.set(this.pending.subarray(0, this.used));
    this.pending = larger;
  }
}

/** The "to the end" of slices, 2^63 - 1, is held as the number 2^63: it comes back to what it was. */
function saturate(value: bigint): bigint {
  const greatest = 0x7fff_ffff_ffff_ffffn;
  return value > greatest ? greatest : value < -greatest - 1n ? -greatest - 1n : value;
}
