/** What a Python literal of strings and numbers can be. */
export type Literal = string | number | boolean | null | Literal[] | Map<string | number, Literal>;

const token =
  /\s*(?:([[\](){}:,])|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(True|False|None)\b|u?'((?:[^'\\]|\\.)*)'|u?"((?:[^"\\]|\\.)*)")/y;
const deepest = 8;
const longest = 1_000_000;

/**
 * A list, tuple, dictionary, string or number as Python's str() writes it, for example in the metadata that exporters of PyTorch
 * leave; JSON is read, too. Undefined for anything else. Nothing is evaluated.
 */
export function readLiteral(text: string): Literal | undefined {
  if (text.length > longest) return undefined;
  const tokens = tokensOf(text.trim());
  if (!tokens) return undefined;
  const reader = new LiteralReader(tokens);
  const value = reader.value(0);
  return value !== undefined && reader.atEnd ? value : undefined;
}

type Token = { readonly mark: string } | { readonly value: string | number | boolean | null };

function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) return undefined;
    const [, mark, number, word, single, double] = match;
    if (mark !== undefined) tokens.push({ mark });
    else if (number !== undefined) tokens.push({ value: Number(number) });
    else if (word !== undefined) tokens.push({ value: word === "None" ? null : word === "True" });
    else tokens.push({ value: unescaped(single ?? double ?? "") });
  }
  return tokens;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

function unescaped(text: string): string {
  return text.replaceAll(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/gs,
    (_, two?: string, four?: string, one = "") =>
      two !== undefined || four !== undefined
        ? String.fromCharCode(Number.parseInt(two ?? four ?? "", 16))
        : (escapes[one as string] ?? (one as string)),
  );
}

class LiteralReader {
  private position = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  get atEnd(): boolean {
    return this.position === this.tokens.length;
  }

  value(depth: number): Literal | undefined {
    const next = this.tokens[this.position++];
    if (!next || depth > deepest) return undefined;
    if ("value" in next) return next.value;
    if (next.mark === "[" || next.mark === "(") return this.list(next.mark === "[" ? "]" : ")", depth);
    return next.mark === "{" ? this.dictionary(depth) : undefined;
  }

  private list(end: string, depth: number): Literal[] | undefined {
    const items: Literal[] = [];
    for (;;) {
      if (this.take(end)) return items;
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      if (!this.take(",")) return this.take(end) ? items : undefined;
    }
  }

  private dictionary(depth: number): Literal | undefined {
    const entries = new Map<string | number, Literal>();
    for (;;) {
      if (this.take("}")) return entries;
      const key = this.value(depth + 1);
      if ((typeof key !== "string" && typeof key !== "number") || !this.take(":")) return undefined;
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      entries.set(key, item);
      if (!this.take(",")) return this.take("}") ? entries : undefined;
    }
  }

  private take(mark: string): boolean {
    const next = this.tokens[this.position];
    if (!next || !("mark" in next) || next.mark !== mark) return false;
    this.position++;
    return true;
  }
}
