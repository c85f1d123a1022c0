import { readFileSync } from "node:fs";
import path from "node:path";
import { engineVersion } from "../../lib/contract/engine-version";
import { projectRoot } from "../reference";

test("the engine's version is the package's", () => {
  expect(
    (JSON.parse(readFileSync(path.join(projectRoot, "package.json"), "utf8")) as { version: string }).version,
  ).toBe(engineVersion);
});
