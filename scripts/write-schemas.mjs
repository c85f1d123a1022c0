// npm run schemas: writes docs/schemas/ from the contract.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const { jsonSchemas } = createRequire(import.meta.url)("../dist/lib/contract/json-schemas.js");
const folder = path.join(root, "docs/schemas");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, schema] of Object.entries(jsonSchemas()))
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(schema, null, 2)}\n`);
