import { ModelError } from "../contract/errors";
import type { FileRanges } from "../checkpoints/file-ranges";
import type { DataType, Tensor, TensorData } from "../onnx/model";
import { elementCount } from "../onnx/tensor";

interface ArrayView {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): Exclude<TensorData, string[]>;
}

/** The format's names of element types. Source: the safetensors format description (huggingface/safetensors). */
const dataTypes: ReadonlyMap<string, { dataType: DataType; view: ArrayView }> = new Map([
  ["F64", { dataType: "float64", view: Float64Array }],
  ["F32", { dataType: "float32", view: Float32Array }],
  ["F16", { dataType: "float16", view: Uint16Array }],
  ["BF16", { dataType: "bfloat16", view: Uint16Array }],
  ["I64", { dataType: "int64", view: BigInt64Array }],
  ["I32", { dataType: "int32", view: Int32Array }],
  ["I16", { dataType: "int16", view: Int16Array }],
  ["I8", { dataType: "int8", view: Int8Array }],
  ["U64", { dataType: "uint64", view: BigUint64Array }],
  ["U32", { dataType: "uint32", view: Uint32Array }],
  ["U16", { dataType: "uint16", view: Uint16Array }],
  ["U8", { dataType: "uint8", view: Uint8Array }],
  ["BOOL", { dataType: "bool", view: Uint8Array }],
]);

const longestHeader = 100_000_000;
const lengthBytes = 8;

/**
 * The tensors of a .safetensors file by name, in the order of its header; the data are copied.
 * Throws ModelError "safetensors.pickle" for PyTorch's own format, which can run code when it is opened and is never
 * read here, and "safetensors.invalid" for a file that is cut short, overlapping, holey or otherwise not as described.
 */
export function readSafetensors(bytes: Uint8Array): Map<string, Tensor> {
  refusePickle(bytes);
  const dataStart = dataStartOf(bytes, bytes.length);
  const spans = spansOf(readHeader(bytes.subarray(lengthBytes, dataStart)), bytes.length - dataStart);
  // Copied, because nothing aligns the file's data to the element size.
  const copy = (begin: number, end: number): ArrayBuffer =>
    new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end)).buffer;
  return new Map(spans.map((span) => [span.name, tensorOf(span, copy(span.begin, span.end))]));
}

/** Like `readSafetensors`, one tensor after the other from a file, each given to `take`, whose answer is kept. */
export async function readSafetensorsFrom(
  file: FileRanges,
  take: (name: string, tensor: Tensor) => Tensor,
): Promise<Map<string, Tensor>> {
  const beginning = await file.read(0, Math.min(file.size, lengthBytes));
  refusePickle(beginning);
  const dataStart = dataStartOf(beginning, file.size);
  const header = readHeader(await file.read(lengthBytes, dataStart - lengthBytes));
  const tensors = new Map<string, Tensor>();
  for (const span of spansOf(header, file.size - dataStart)) {
    const { buffer } = await file.read(dataStart + span.begin, span.end - span.begin);
    tensors.set(span.name, take(span.name, tensorOf(span, buffer)));
  }
  return tensors;
}

/** A .safetensors file. Its data begin at a multiple of 8 bytes; larger elements come first, so that all are aligned. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const codes = new Map([...dataTypes].map(([code, { dataType }]) => [dataType, code]));
  const entries = [...tensors].map(([name, tensor]) => {
    const code = codes.get(tensor.dataType);
    if (code === undefined || Array.isArray(tensor.data)) {
      throw new ModelError(
        "safetensors.type",
        `Expected numbers in tensor ${name} but received ${tensor.dataType}, which safetensors cannot hold`,
      );
    }
    return { name, code, dims: tensor.dims, data: tensor.data };
  });
  entries.sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);

  // fromEntries defines own properties, so that even a tensor called __proto__ is written.
  let offset = 0;
  const described = entries.map(({ name, code, dims, data }) => {
    const begin = offset;
    offset += data.byteLength;
    return [name, { dtype: code, shape: dims, data_offsets: [begin, offset] }] as const;
  });
  const json = JSON.stringify(
    Object.fromEntries([...(metadata ? [["__metadata__", metadata] as const] : []), ...described]),
  );
  const unpadded = Buffer.from(json, "utf8");
  const header = Buffer.concat([unpadded, Buffer.alloc((8 - (unpadded.length % 8)) % 8, " ")]);

  const file = Buffer.alloc(lengthBytes + header.length + offset);
  file.writeBigUInt64LE(BigInt(header.length), 0);
  header.copy(file, lengthBytes);
  let position = lengthBytes + header.length;
  for (const { data } of entries) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

function refusePickle(bytes: Uint8Array): void {
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04;
  // A pickle of protocol 2 to 5 begins with PROTO; as a length, the same bytes would mean an absurdly long header.
  const pickle =
    bytes[0] === 0x80 &&
    (bytes[1] ?? 0) >= 2 &&
    (bytes[1] ?? 0) <= 5 &&
    !bytes.subarray(2, lengthBytes).every((byte) => byte === 0);
  if (zip || pickle) {
    throw new ModelError(
      "safetensors.pickle",
      "Expected a .safetensors file but received a PyTorch pickle (.pth, .pt). Opening a pickle can run any code it carries, so it is " +
        "never read here: convert it where you trust it, with safetensors.torch.save_file(state_dict, path)",
    );
  }
}

function dataStartOf(beginning: Uint8Array, fileLength: number): number {
  if (beginning.length < lengthBytes) throw invalid("at least 8 bytes", `${beginning.length}`);
  const view = new DataView(beginning.buffer, beginning.byteOffset, beginning.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(longestHeader))
    throw invalid(`a header of at most ${longestHeader} bytes`, `one said to have ${length} (not a safetensors file?)`);
  const dataStart = lengthBytes + Number(length);
  if (dataStart > fileLength) throw invalid(`a header of ${length} bytes`, `a file of ${fileLength} bytes`);
  return dataStart;
}

function readHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid("a header in JSON", cause instanceof Error ? cause.message : String(cause));
  }
  if (!isRecord(header)) throw invalid("a JSON object as header", JSON.stringify(header).slice(0, 40));
  return header;
}

/** A tensor's place in the data. */
interface Span {
  readonly name: string;
  readonly type: { readonly dataType: DataType; readonly view: ArrayView };
  readonly dims: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function spansOf(header: Record<string, unknown>, dataLength: number): Span[] {
  const spans = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => {
      const { type, dims, begin, end } = readEntry(name, entry);
      if (end > dataLength)
        throw invalid(
          `tensor ${name} to end within ${dataLength} bytes of data`,
          `end ${end} (is the file cut short?)`,
        );
      const expected = elementCount(dims) * type.view.BYTES_PER_ELEMENT;
      if (end - begin !== expected)
        throw invalid(`${expected} bytes for tensor ${name} of shape [${dims.join(", ")}]`, `${end - begin}`);
      return { name, type, dims, begin, end };
    });
  checkCover(spans, dataLength);
  return spans;
}

function tensorOf({ type, dims }: Span, data: ArrayBuffer): Tensor {
  return { dataType: type.dataType, dims, data: new type.view(data) };
}

function readEntry(name: string, entry: unknown) {
  if (!isRecord(entry)) throw invalid(`an object to describe tensor ${name}`, typeof entry);
  const { dtype, shape, data_offsets: offsets } = entry;
  const type = typeof dtype === "string" ? dataTypes.get(dtype) : undefined;
  if (!type)
    throw invalid(
      `one of ${[...dataTypes.keys()].join(", ")} as dtype of tensor ${name}`,
      JSON.stringify(dtype) ?? "none",
    );
  if (!isCounts(shape)) throw invalid(`whole numbers as shape of tensor ${name}`, JSON.stringify(shape) ?? "none");
  const [begin, end] = isCounts(offsets) ? offsets : [];
  if (begin === undefined || end === undefined || begin > end)
    throw invalid(`two ordered offsets for tensor ${name}`, JSON.stringify(offsets) ?? "none");
  return { type, dims: shape, begin, end };
}

/** The format forbids overlaps and holes: data no tensor names could hide anything. */
function checkCover(spans: readonly Span[], dataLength: number): void {
  let position = 0;
  for (const { name, begin, end } of spans.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position)
      throw invalid(
        `tensor ${name} to begin at byte ${position} of the data`,
        `${begin} (${begin < position ? "an overlap" : "a hole"})`,
      );
    position = end;
  }
  if (position !== dataLength) throw invalid(`${position} bytes of data`, `${dataLength}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function invalid(expected: string, received: string): ModelError {
  return new ModelError("safetensors.invalid", `Expected ${expected} in a safetensors file but received ${received}`);
}
