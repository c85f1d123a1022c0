import { createHash } from "node:crypto";
import { html } from "../../lib/html/markup";
import { type Page, page } from "../../lib/html/page";

const plain: Page = { kind: "Cytolens test", heading: "<h>", main: html`<p>m</p>`, version: "1.2.3" };
const digest = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policyOf = (document: string): string => /Content-Security-Policy" content="([^"]+)"/.exec(document)![1]!;

test("a page has its title, head and who made it, all escaped", () => {
  const document = page({ ...plain, facts: [["Run", "<r>"]], notices: [{ text: "n&", bad: true }] });
  expect(document).toContain("<title>&lt;h&gt; · Cytolens test</title>");
  expect(document).toContain("<h1>&lt;h&gt;</h1>");
  expect(document).toContain("<span>Run <strong>&lt;r&gt;</strong></span>");
  expect(document).toContain('<p class="notice bad" role="note">n&amp;</p>');
  expect(document).toContain("Made by Cytolens 1.2.3. Research only. Not for clinical use.");
  expect(document).not.toContain('http-equiv="refresh"');
});

test("its policy lets this style sheet and this script through, and nothing else", () => {
  const document = page({ ...plain, style: ".own{color:red}", script: "1 < 2" });
  const [, style] = /<style>([^]*?)<\/style>/.exec(document)!;
  expect(style).toContain(".own{color:red}");
  expect(policyOf(document).split("; ")).toEqual([
    "default-src 'none'",
    "img-src data:",
    `style-src ${digest(style!)}`,
    `script-src ${digest("1 < 2")}`,
    "base-uri 'none'",
    "form-action 'none'",
  ]);
});

test("without a script none may run; pictures beside the page and a live page are said so", () => {
  expect(policyOf(page(plain))).not.toContain("script-src");
  expect(policyOf(page({ ...plain, pictures: "beside" }))).toContain("img-src 'self' file: data:");
  expect(page({ ...plain, refreshSeconds: 5 })).toContain('<meta http-equiv="refresh" content="5">');
});
