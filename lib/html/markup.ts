/** Text that is already HTML. Only `html` makes it, so whatever is not markup is escaped: file names are anyone's to choose. */
export class Markup {
  constructor(readonly text: string) {}
}

export type Content = string | number | Markup | null | undefined | false | readonly Content[];

/** A template whose insertions are escaped, unless they are markup themselves; lists are joined, null and false are nothing. */
export function html(parts: TemplateStringsArray, ...insertions: Content[]): Markup {
  return new Markup(parts.reduce((text, part, i) => text + render(insertions[i - 1]) + part));
}

function render(content: Content): string {
  if (content === null || content === undefined || content === false) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "string" || typeof content === "number") return escapeHtml(String(content));
  return content.map(render).join("");
}

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

function escapeHtml(text: string): string {
  return visible(text).replace(/[&<>"'`]/g, (character) => entities[character] ?? character);
}

/** Control characters and those that turn the direction of writing would hide what a name is: they are spelled out. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
