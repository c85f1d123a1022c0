import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { errorCodes } from "../lib/contract/error-codes";
import { configuration } from "../lib/infrastructure/configuration";
import { projectRoot } from "./reference";

const documents = [
  "README.md",
  ...readdirSync(path.join(projectRoot, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];
const textOf = (file: string): string => readFileSync(path.join(projectRoot, file), "utf8");
const manifest = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };

/** What stands in code: fenced blocks with continued lines joined, and spans between backticks. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```[^\n]*\n([^]*?)^```/gm)].flatMap(([, block = ""]) =>
    block.replaceAll("\\\n", " ").split("\n"),
  );
  const spans = [...text.replace(/^```[^]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
  return [...blocks, ...spans].map((line) => line.replace(/\s#\s.*$/, "").trim());
}

const helps = new Map<string, string>();
function helpOf(words: readonly string[]): string {
  const name = words.join(" ");
  const known = helps.get(name);
  if (known !== undefined) return known;
  const { stdout } = spawnSync(process.execPath, [path.join(projectRoot, "dist/bin/cytolens.js"), ...words, "--help"], {
    encoding: "utf8",
  });
  helps.set(name, stdout);
  return stdout;
}

/** Subcommands of a command, by its help. */
function subcommands(words: readonly string[]): string[] {
  const [, list = ""] = /^Commands:\n([^]*)/m.exec(helpOf(words)) ?? [];
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)\b/gm)].map(([, name = ""]) => name);
}

const codes = Object.keys(errorCodes);
const subjects = new Set(codes.filter((code) => code.includes(".")).map((code) => code.replace(/\..*$/, "")));
const fileEnding = /\.(bmp|csv|geojson|html|jpg|json|jsonl|js|md|mjs|npy|onnx|png|safetensors|ts|txt|yml)$/;

/** Settings of the stack as docs write them: `compute.spot`. */
const stackSettings = new Set(
  [...JSON.stringify(z.toJSONSchema(configuration, { io: "input" })).matchAll(/"(\w+)":\{/g)].map(([, key]) => key),
);
const isSetting = (name: string): boolean => name.split(".").every((part) => stackSettings.has(part));

/** Whether a span stands for an error code, or for all of a subject (`image.*`): of a code's shape, and no file or setting. */
function looksLikeCode(span: string): boolean {
  if (!/^[a-z]+(\.([a-z][a-z-]*|\*))+$/.test(span) || fileEnding.test(span) || isSetting(span)) return false;
  return /[*-]/.test(span) || subjects.has(span.replace(/\..*$/, ""));
}

const isCode = (span: string): boolean =>
  span.endsWith(".*") ? codes.some((code) => code.startsWith(span.slice(0, -1))) : codes.includes(span);

/** The anchor a heading gets: GitHub's rule. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

describe.each(documents)("%s", (file) => {
  const text = textOf(file);
  const code = codeOf(text);

  test("names scripts of npm's that exist", () => {
    const named = code.flatMap((line) => [...line.matchAll(/\bnpm run ([a-z][\w:-]*)/g)].map(([, name = ""]) => name));
    expect(named.filter((name) => !(name in manifest.scripts))).toEqual([]);
  });

  test("names commands and flags that exist", () => {
    const unknown = code.flatMap((line) => {
      const [, rest] = /^(?:npx )?cytolens ([a-z].*)$/.exec(line) ?? [];
      if (rest === undefined) return [];
      const words = rest.split(/\s+/);
      const [command = ""] = words;
      if (!subcommands([]).includes(command)) return [`cytolens ${command}`];
      const inner = subcommands([command]);
      if (inner.length > 0 && words[1] !== undefined && !inner.includes(words[1]))
        return [`cytolens ${command} ${words[1]}`];
      const help = helpOf(inner.length > 0 && words[1] !== undefined ? [command, words[1]] : [command]);
      const flags = words.map((word) => word.replace(/^\[+|[\]=].*$/g, "")).filter((word) => /^--?[a-z]/.test(word));
      return flags
        .filter((flag) => !new RegExp(`(^|[\\s,])${flag}(?![\\w-])`, "m").test(help))
        .map((flag) => `cytolens ${command} ${flag}`);
    });
    expect(unknown).toEqual([]);
  });

  test("names files of the project that exist", () => {
    const named = code.flatMap((line) =>
      [...line.matchAll(/(?:^|\s)((?:lib|bin|bench|docs|scripts|test|containers|lambdas|models)\/[\w./-]*\w)/g)].map(
        ([, name = ""]) => name,
      ),
    );
    expect(named.filter((name) => !existsSync(path.join(projectRoot, name)))).toEqual([]);
  });

  test("names error codes that exist", () => {
    expect(code.filter(looksLikeCode).filter((span) => !isCode(span))).toEqual([]);
  });

  test("links to what is there", () => {
    const links = [...text.replace(/^```[^]*?^```/gm, "").matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^[a-z]+:/.test(target));
    const broken = links.filter((link) => {
      const [place = "", anchor] = link.split("#");
      const target = place === "" ? file : path.posix.join(path.posix.dirname(file), place);
      if (!existsSync(path.join(projectRoot, target))) return true;
      if (anchor === undefined) return false;
      return ![...textOf(target).matchAll(/^#+ (.+)$/gm)].some(([, heading = ""]) => anchorOf(heading) === anchor);
    });
    expect(broken).toEqual([]);
  });
});

test("the README leads to every page of docs", () => {
  const readme = textOf("README.md");
  expect(documents.filter((file) => file.startsWith("docs/") && !readme.includes(`(${file}`))).toEqual([]);
});

test("an invented error code is found, and a file or a setting is not taken for one", () => {
  const invented = ["job.*", "job.lost-it", "image.spoilt", "worker.timeout"];
  expect(invented.filter((span) => looksLikeCode(span) && !isCode(span))).toEqual(invented);
  const others = ["model.onnx", "network.kind", "compute.spot", "budget.email", "onnx.checker", "python3.13"];
  expect(others.filter(looksLikeCode)).toEqual([]);
  expect(["image.*", "worker.killed"].filter((span) => looksLikeCode(span) && isCode(span))).toHaveLength(2);
});

const folders = ["lib", "bin", "lambdas", "containers", "bench", "test", "scripts"] as const;
const filesBelow = (folder: string): string[] =>
  readdirSync(path.join(projectRoot, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(projectRoot, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
const inFolders = folders.flatMap(filesBelow);
const fileNames = new Set([...inFolders, ...filesBelow("docs")].map((file) => path.posix.basename(file)));

/** Files and folders of the project that comments name: by path from the root or from where they stand, or by name alone. */
function namedInComments(text: string): string[] {
  const comments = [...text.matchAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/[^\n]*/g)].map(([comment]) => comment);
  const pattern =
    /(?<![\w./<>*-])(?:(?:lib|bin|lambdas|containers|bench|test|scripts|docs)\/[\w./-]*\w|(?:\.{1,2}\/)*[\w-][\w./-]*\.(?:ts|mjs|js|md|py)\b)/g;
  return comments.flatMap((comment) => [...comment.matchAll(pattern)].map(([name]) => name));
}

function isThere(name: string, file: string): boolean {
  return (
    existsSync(path.join(projectRoot, name)) ||
    existsSync(path.join(projectRoot, path.posix.dirname(file), name)) ||
    (!name.includes("/") && fileNames.has(name))
  );
}

test("comments name files of the project that exist", () => {
  const named = inFolders
    .filter((file) => /\.(ts|mjs)$/.test(file))
    .flatMap((file) => namedInComments(textOf(file)).map((name) => ({ file, name })));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ file, name }) => !isThere(name, file))).toEqual([]);
});

test.each([
  ["As docs/no-such-page.md says.", "docs/no-such-page.md"],
  ["What lib/aws/no-such-file.ts reads.", "lib/aws/no-such-file.ts"],
  ["As in\n * no-such-file.ts.", "no-such-file.ts"],
])("a comment that names what is not there is found: %j", (comment, name) => {
  expect(namedInComments(`/** ${comment} */`)).toEqual([name]);
  expect(isThere(name, "lib/index.ts")).toBe(false);
});
