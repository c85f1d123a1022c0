// npm run errors: writes docs/errors.md from the codes of the contract.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const { errorPage } = createRequire(import.meta.url)("../dist/lib/contract/error-page.js");
writeFileSync(path.join(root, "docs/errors.md"), errorPage());
