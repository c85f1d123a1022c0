import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { errorCodes, errorFamilies } from "../../lib/contract/error-codes";
import { errorPage } from "../../lib/contract/error-page";
import { projectRoot } from "../reference";

const sources = ["lib", "bin", "containers", "lambdas"]
  .flatMap((folder) =>
    readdirSync(path.join(projectRoot, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => path.relative(projectRoot, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/")),
  )
  .filter((file) => !file.startsWith("lib/contract/error-codes"))
  .map((file) => ({ file, text: readFileSync(path.join(projectRoot, file), "utf8") }));

const familyOf = new Map(
  errorFamilies.flatMap(({ name, tables }) =>
    tables.flatMap(({ codes }) => Object.keys(codes).map((code) => [code, name] as const)),
  ),
);

test("each code is in one table, and each table is among all codes", () => {
  const listed = errorFamilies.flatMap(({ tables }) => tables.flatMap(({ codes }) => Object.keys(codes)));
  expect(listed.toSorted()).toEqual(Object.keys(errorCodes).toSorted());
});

test("each code thrown or recorded is in the table, under the class that throws it", () => {
  const thrown = sources.flatMap(({ file, text }) =>
    [...text.matchAll(/new (User|Image|Model|Environment|Transient)Error\(\s*["'`]([^"'`]+)["'`]/g)].map(
      ([, family = "", code = ""]) => ({ file, family: `${family}Error`, code }),
    ),
  );
  expect(thrown.length).toBeGreaterThan(150);
  expect(thrown.filter(({ family, code }) => familyOf.get(code) !== family)).toEqual([]);
});

test("no string becomes a code by a cast", () => {
  const cast = /\bas (unknown as )?(ErrorCode|KnownFailure|never|any)\b|<ErrorCode>/g;
  const casts = sources.flatMap(({ file, text }) => [...text.matchAll(cast)].map(([words]) => `${file}: ${words}`));
  expect(casts).toEqual([]);
});

test("each code of the table is given somewhere", () => {
  const given = new Set(sources.flatMap(({ text }) => [...text.matchAll(/"([\w.-]+)"/g)].map(([, code]) => code)));
  expect(Object.keys(errorCodes).filter((code) => !given.has(code))).toEqual([]);
});

test("each code says in one sentence what it means and what to do", () => {
  const sentence = /^[A-Z`][^|\n]*\.$/;
  const others = Object.entries(errorCodes).flatMap(([code, { means, remedy }]) =>
    [means, remedy].filter((text) => !sentence.test(text)).map((text) => `${code}: ${text}`),
  );
  expect(others).toEqual([]);
});

test("what throws carries the codes alone, not their sentences", () => {
  const importing = sources
    .filter(({ file }) => file !== "lib/contract/error-page.ts")
    .filter(({ text }) => /import (?!type\b)[^;]*from "[^"]*\/error-codes(\/[\w-]+)?"/.test(text));
  expect(importing.map(({ file }) => file)).toEqual([]);
});

test("docs/errors.md holds the codes of today (else: npm run errors)", () => {
  expect(readFileSync(path.join(projectRoot, "docs/errors.md"), "utf8")).toBe(errorPage());
});
