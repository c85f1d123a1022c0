import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { exampleFolder, type ExampleFolder } from "./example-folder";
import { projectRoot } from "./reference";

const text = readFileSync(path.join(projectRoot, "docs/library.md"), "utf8");
const examples = [...text.matchAll(/^## (.+)$(?:(?!^## )[^])*?```js\n([^]*?)```\n\n```text\n([^]*?)```/gm)].map(
  ([, title, code, output]) => ({ title, code, output }),
);

let place: ExampleFolder;
beforeAll(async () => {
  place = await exampleFolder("library-examples");
});
afterAll(() => place.remove());

/** What a program prints, in the folder that holds its model and image. */
async function printed(name: string, code: string): Promise<string> {
  const file = path.join(place.programs, `${name.replace(/\W+/g, "-")}.mjs`);
  writeFileSync(file, code);
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    cwd: place.folder,
    env: { ...process.env, XDG_CACHE_HOME: place.folder },
  });
  return stdout;
}

test("the page has an example under each of its headings", () => {
  expect(examples.map(({ title }) => title)).toEqual([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title));
});

test.each(examples)("docs/library.md: $title", async ({ title, code, output }) => {
  expect(await printed(title!, code!)).toBe(output);
});

test("README.md: the library", async () => {
  const programs = [...readFileSync(path.join(projectRoot, "README.md"), "utf8").matchAll(/```js\n([^]*?)```/g)];
  expect(programs).toHaveLength(1);
  expect(await printed("README", programs[0]![1]!)).toMatch(/^[\w-]+ [01]\.\d\d true\n$/);
});
