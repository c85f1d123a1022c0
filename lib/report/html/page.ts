import { createHash } from "node:crypto";
import type { Summary } from "../../contract/summary";
import { html, Markup } from "../../html/markup";
import { script } from "./script";
import { style } from "./style";

const digest = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Nothing is fetched and nothing runs but this style sheet and this script: whatever a name smuggles in stays text. */
export const policy = [
  "default-src 'none'",
  "img-src data:",
  `style-src ${digest(style)}`,
  `script-src ${digest(script)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The document around the report's sections. */
export function page({ batch }: Pick<Summary, "batch">, sections: readonly Markup[]): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${batch} · Cytolens report</title>
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#images">Skip to the images</a>
${sections}
<script>${new Markup(script)}</script>
</body>
</html>
`;
}
