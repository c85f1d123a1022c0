import * as fc from "fast-check";
import { compareKeys } from "../../lib/contract/names";

test("keys compare as their UTF-8 bytes do", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 2000 },
  );
  expect(compareKeys("\uffff", "🔬")).toBeLessThan(0);
});
