import { createHash } from "node:crypto";
import { type Content, html, Markup } from "./markup";
import { baseStyle } from "./style";

/** A page and what is its own about it. */
export interface Page {
  /** "Cytolens report": stands above the heading and ends the document's title. */
  readonly kind: string;
  readonly heading: string;
  /** Shown in one line under the heading. */
  readonly facts?: readonly (readonly [name: string, value: Content])[] | undefined;
  /** What has to be read before the rest. */
  readonly notices?: readonly { readonly text: Content; readonly bad?: boolean }[] | undefined;
  readonly main: Content;
  /** Stands at the end, above what says who made the page. */
  readonly footer?: Content;
  /** Version of the program that makes the page. */
  readonly version: string;
  /** Style and behaviour beside those that all pages have. */
  readonly style?: string | undefined;
  readonly script?: string | undefined;
  /** For those who read by keyboard: where the content is, and how the link to it reads. */
  readonly skipTo?: { readonly id: string; readonly text: string } | undefined;
  /** Pictures lie within the page, or in files beside it. Default: within. */
  readonly pictures?: "within" | "beside" | undefined;
  /** The page loads itself again after so many seconds. Default: never. */
  readonly refreshSeconds?: number | undefined;
}

/** One self-contained document that opens from disk, in a window of any width, light or dark, and prints. */
export function page(parts: Page): string {
  const { kind, heading, facts = [], notices = [], main, footer, version, script, skipTo, refreshSeconds } = parts;
  const style = baseStyle + (parts.style ?? "");
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(style, script, parts.pictures ?? "within")}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Cytolens ${version}">
${refreshSeconds !== undefined && html`<meta http-equiv="refresh" content="${refreshSeconds}">`}
<title>${heading} · ${kind}</title>
<style>${new Markup(style)}</style>
</head>
<body>
${skipTo && html`<a class="skip" href="#${skipTo.id}">${skipTo.text}</a>`}
<header class="bar"><div class="bar-inner">
<p class="brand">${kind}</p>
<h1>${heading}</h1>
${facts.length > 0 && html`<p class="facts">${facts.map(([name, value]) => html`<span>${name} <strong>${value}</strong></span>`)}</p>`}
${notices.map(({ text, bad }) => html`<p class="notice${bad && " bad"}" role="note">${text}</p>`)}
</div></header>
<main>${main}</main>
<footer>${footer}<p>Made by Cytolens ${version}. Research only. Not for clinical use.</p></footer>
${script !== undefined && html`<script>${new Markup(script)}</script>`}
</body>
</html>
`.text;
}

/** Nothing is fetched and nothing runs but this style sheet and this script: whatever a name smuggles in stays text. */
function policy(style: string, script: string | undefined, pictures: "within" | "beside"): Markup {
  return new Markup(
    [
      "default-src 'none'",
      pictures === "beside" ? "img-src 'self' file: data:" : "img-src data:",
      `style-src ${digest(style)}`,
      ...(script === undefined ? [] : [`script-src ${digest(script)}`]),
      "base-uri 'none'",
      "form-action 'none'",
    ].join("; "),
  );
}

const digest = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
