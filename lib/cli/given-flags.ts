import type { Command } from "commander";

/** The flags that were typed, without those left out, as words for the same command elsewhere. */
export function givenFlags(command: Command, leftOut: ReadonlySet<string>): string[] {
  return command.options.flatMap((option) => {
    const key = option.attributeName();
    if (leftOut.has(key) || command.getOptionValueSource(key) !== "cli" || !option.long) return [];
    const value: unknown = command.getOptionValue(key);
    // "--no-…" was typed where its value is false.
    if (typeof value === "boolean") return value !== option.negate ? [option.long] : [];
    return [option.long, ...(Array.isArray(value) ? value.map(String) : [String(value)])];
  });
}
