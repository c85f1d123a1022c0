import { type Command, InvalidArgumentError } from "commander";
import { unknownName } from "../contract/closest-names";

/** Options that take one of a few words answer an unknown one with the closest, in every command below this one. */
export function suggestChoices(command: Command): void {
  for (const option of command.options) {
    const { argChoices } = option;
    if (!argChoices) continue;
    option.argParser((word: string, before: unknown): unknown => {
      if (!argChoices.includes(word))
        throw new InvalidArgumentError(unknownName(option.attributeName(), word, argChoices));
      if (!option.variadic) return word;
      return before === option.defaultValue || !Array.isArray(before) ? [word] : [...(before as string[]), word];
    });
  }
  for (const below of command.commands) suggestChoices(below);
}
