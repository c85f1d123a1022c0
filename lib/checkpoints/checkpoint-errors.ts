import { ModelError } from "../contract/errors";

/** A file that is cut short, damaged or not as its format says. */
export function invalidCheckpoint(expected: string, received: string): ModelError {
  return new ModelError("checkpoint.invalid", `Expected ${expected} in a checkpoint but received ${received}`);
}

/** A file that asks for more than any real checkpoint needs. */
export function beyondLimit(what: string, limit: string, received: string): ModelError {
  return new ModelError("checkpoint.limit", `Expected ${what} of at most ${limit} but received ${received}`);
}

/** Where a checkpoint is trusted, this makes a file that is read here. */
export const howToConvert =
  'where you trust the file, load it in PyTorch and write torch.save(model.state_dict(), "weights.pth")';

const longestShown = 120;

/** A text of the file in a message: short, and without characters that a terminal would obey. */
export function shown(text: string): string {
  const cut = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  return cut.replaceAll(
    /[^\P{C}]|[\u2028\u2029]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** The first few of many names. */
export function shownNames(names: readonly string[]): string {
  const few = names.slice(0, 5).map(shown).join(", ");
  return names.length > 5 ? `${few} and ${names.length - 5} more` : few;
}
