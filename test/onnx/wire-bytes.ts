/** A small protobuf encoder for tests: a message is a list of [field number, value]. */
export type Field = readonly [
  field: number,
  value: number | bigint | string | Uint8Array | Field[] | { float: number } | { double: number },
];

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

function tag(field: number, wireType: number): number[] {
  return varint(BigInt(field * 8 + wireType));
}

export function message(fields: readonly Field[]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap(([field, value]) => {
      if (typeof value === "number" || typeof value === "bigint") return [...tag(field, 0), ...varint(BigInt(value))];
      if (typeof value === "object" && "float" in value)
        return [...tag(field, 5), ...new Uint8Array(Float32Array.of(value.float).buffer)];
      if (typeof value === "object" && "double" in value)
        return [...tag(field, 1), ...new Uint8Array(Float64Array.of(value.double).buffer)];
      const bytes =
        typeof value === "string" ? Buffer.from(value) : value instanceof Uint8Array ? value : message(value);
      return [...tag(field, 2), ...varint(BigInt(bytes.length)), ...bytes];
    }),
  );
}

export function packedVarints(values: readonly (number | bigint)[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => varint(BigInt(value))));
}

export function valueInfo(name: string, dataType: number, dims: readonly (number | string)[]): Field[] {
  const shape: Field[] = dims.map((dim) => [1, [typeof dim === "number" ? [1, dim] : [2, dim]] as Field[]]);
  return [
    [1, name],
    [
      2,
      [
        [
          1,
          [
            [1, dataType],
            [2, shape],
          ],
        ],
      ],
    ],
  ];
}

export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  more: Field[] = [],
): Field[] {
  return [
    ...inputs.map((name): Field => [1, name]),
    ...outputs.map((name): Field => [2, name]),
    [3, `${operator}-${outputs[0]}`],
    [4, operator],
    ...more,
  ];
}

/** A file around `graph`, opset 18. */
export function modelBytes(graph: Field[], more: Field[] = [], opsets: Field[] = [[8, [[2, 18]]]]): Uint8Array {
  return message([[1, 8], [7, graph], ...opsets, ...more]);
}
