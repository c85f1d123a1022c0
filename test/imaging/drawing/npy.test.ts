import { readNpy, writeNpy } from "../../../lib/imaging/drawing/npy";

/** numpy.save of numpy.float32([[1.5, -2], [0.25, 3e-5]]), NumPy 2. */
const savedByNumpy = Buffer.concat([
  Buffer.from("934e554d5059", "hex"),
  Buffer.from([1, 0, 118, 0]),
  Buffer.from("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }".padEnd(117, " ") + "\n", "latin1"),
  Buffer.from("0000c03f000000c00000803e82a8fb37", "hex"),
]);

test("writes what NumPy writes, byte for byte", () => {
  expect(Buffer.compare(writeNpy({ shape: [2, 2], data: Float32Array.of(1.5, -2, 0.25, 3e-5) }), savedByNumpy)).toBe(0);
});

test("reads back what it wrote, also from an odd offset", () => {
  const data = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
  const bytes = writeNpy({ shape: [1, 4, 6], data });
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  expect(readNpy(shifted.subarray(3))).toEqual({ shape: [1, 4, 6], data });
  expect(readNpy(writeNpy({ shape: [24], data })).shape).toEqual([24]);
});

test.each([
  ["npy.not-npy", Buffer.from("not an array at all")],
  ["npy.type", Buffer.from(Buffer.from(savedByNumpy).toString("latin1").replace("<f4", "<f8"), "latin1")],
  ["npy.length", savedByNumpy.subarray(0, savedByNumpy.length - 4)],
])("refuses with %s", (code, bytes) => {
  expect(() => readNpy(bytes)).toThrow(expect.objectContaining({ code }));
});
