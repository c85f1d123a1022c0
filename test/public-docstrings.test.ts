import { execFile, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { exampleFolder, type ExampleFolder } from "./example-folder";
import { projectRoot } from "./reference";

interface PublicName {
  readonly name: string;
  readonly file: string;
  readonly isFunction: boolean;
  /** The comment above its declaration, without the stars; empty where there is none. */
  readonly docstring: string;
}

const read = (file: string): string => readFileSync(path.join(projectRoot, file), "utf8");

/** All that lib/index.ts exports, with the docstrings of where it is declared. */
const publicNames: readonly PublicName[] = [
  ...read("lib/index.ts").matchAll(/export (?:type )?\{([^}]*)\} from "\.\/([^"]+)";/g),
].flatMap(([, names = "", from]) =>
  names
    .split(",")
    .map((name) => name.trim().replace(/^type /, ""))
    .filter((name) => name !== "")
    .map((name) => declared(name, `lib/${from}.ts`)),
);

function declared(name: string, file: string): PublicName {
  const text = read(file);
  const pattern = new RegExp(
    `^export (?:abstract )?(async function|function|const|class|interface|type) ${name}\\b`,
    "m",
  );
  const found = pattern.exec(text);
  if (!found) throw new Error(`Expected a declaration of ${name} in ${file} but found none`);
  const before = text.slice(0, found.index);
  const comment = before.endsWith("*/\n") ? before.slice(before.lastIndexOf("/**")) : "";
  const docstring = comment.replace(/^\/\*\*|\*\/\n$/g, "").replaceAll(/^ \* ?/gm, "");
  return { name, file, isFunction: found[1]?.endsWith("function") ?? false, docstring };
}

const exampleOf = ({ docstring }: PublicName): string | undefined => /@example\n```ts\n([^]*?)```/.exec(docstring)?.[1];
const examples = publicNames.flatMap((one) => {
  const code = exampleOf(one);
  return code === undefined ? [] : [{ name: one.name, code }];
});

let place: ExampleFolder;
beforeAll(async () => {
  place = await exampleFolder("public-docstrings");
  for (const { name, code } of examples)
    writeFileSync(path.join(place.programs, `${name}.mts`), code.includes("import ") ? code : `${code}\nexport {};\n`);
  writeFileSync(
    path.join(place.programs, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { module: "nodenext", target: "es2023", strict: true, skipLibCheck: true, types: ["node"] },
      include: ["*.mts"],
    }),
  );
});
afterAll(() => place.remove());

test("the public face is found whole", () => {
  const count = [...read("lib/index.ts").matchAll(/^export /gm)].length;
  expect(count).toBe([...read("lib/index.ts").matchAll(/^export (?:type )?\{[^}]*\} from "[^"]+";/gm)].length);
  expect(publicNames.length).toBeGreaterThan(50);
});

test("every export has a docstring with an example that imports from cytolens", () => {
  const without = publicNames.filter((one) => !/from "cytolens"/.test(exampleOf(one) ?? ""));
  expect(without.map(({ name, file }) => `${file}: ${name}`)).toEqual([]);
});

test("every exported function says what it returns", () => {
  const functions = publicNames.filter(({ isFunction }) => isFunction);
  expect(functions.length).toBeGreaterThan(12);
  expect(functions.filter(({ docstring }) => !docstring.includes("@returns")).map(({ name }) => name)).toEqual([]);
});

test("the examples compile, run, and print what their comments say", async () => {
  const tsc = path.join(projectRoot, "node_modules/typescript/bin/tsc");
  const compiled = spawnSync(process.execPath, [tsc, "-p", place.programs], { encoding: "utf8" });
  expect(compiled.stdout).toBe("");
  writeFileSync(
    path.join(place.programs, "all.mjs"),
    `const outcomes = {};
    const log = console.log;
    for (const name of ${JSON.stringify(examples.map(({ name }) => name))}) {
      const lines = (outcomes[name] = { lines: [], error: null });
      console.log = (...words) => lines.lines.push(words.join(" "));
      await import(\`./\${name}.mjs\`).catch((error) => { lines.error = String(error.stack ?? error); });
    }
    log(JSON.stringify(outcomes));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(place.programs, "all.mjs")], {
    cwd: place.folder,
    env: { ...process.env, XDG_CACHE_HOME: place.folder },
  });
  const outcomes = JSON.parse(stdout) as Record<string, { lines: string[]; error: string | null }>;
  const wrong = examples.flatMap(({ name, code }) => {
    const { lines = [], error = "did not run" } = outcomes[name] ?? {};
    const promised = [...code.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].map(([, said = ""]) => said);
    const missing = promised.filter((said) => !lines.includes(said));
    return error === null && missing.length === 0 ? [] : [{ name, error, lines, missing }];
  });
  expect(wrong).toEqual([]);
}, 240_000);
