import { existsSync } from "node:fs";
import path from "node:path";

/** The folder with reference data (oracle/, data/), from CYTOLENS_REFERENCE; undefined on a bare clone. */
export const referenceFolder: string | undefined = (() => {
  const folder = process.env["CYTOLENS_REFERENCE"];
  if (!folder) return undefined;
  if (!existsSync(path.join(folder, "oracle"))) {
    throw new Error(`Expected an "oracle" folder under CYTOLENS_REFERENCE but found none in ${folder}`);
  }
  return path.resolve(folder);
})();

/** `describe` where the reference data are at hand; elsewhere one skipped test, with the reason in the name. */
export function describeWithReference(name: string, body: (folder: string) => void): void {
  if (referenceFolder) describe(name, () => body(referenceFolder));
  else
    describe.skip(`${name} (skipped: set CYTOLENS_REFERENCE to the folder with oracle/ and data/)`, () =>
      test("needs reference data", () => expect(referenceFolder).toBeDefined()));
}

/** The project's root: compiled tests run from dist/test. */
export const projectRoot = path.resolve(__dirname, "..", "..");
