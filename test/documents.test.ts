import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
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
