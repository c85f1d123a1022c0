import { errorFamilies, type ErrorFamily } from "./error-codes";

/** docs/errors.md, which `npm run errors` writes. */
export function errorPage(): string {
  return `${[
    "# Error codes",
    "Every error has a code and a message. The message says what was expected, of what, and what came instead; the code is for programs and for this page. Commands print `message [code]`; outcomes, summaries and reports hold both.",
    "In a program, catch the class and read the code:",
    [
      "```ts",
      "try {",
      "  await loadModel(file);",
      "} catch (error) {",
      "  if (error instanceof ModelError) console.error(error.code, error.message);",
      "  else throw error;",
      "}",
      "```",
    ].join("\n"),
    "## Whose fault, and is it tried again",
    table(
      ["Class", "Whose fault", "Tried again", "A command ends with"],
      errorFamilies.map(({ name, fault, triedAgain, exitCode }) => [classText(name), fault, triedAgain, exitCode]),
    ),
    "`cytolens run` ends with 1 when images failed, whatever is recorded as the reason. A worker's process ends with 2 for UserError, 75 for TransientError, 3 for the other classes and 1 for an error without a code.",
    ...errorFamilies.flatMap(sections),
    "This page is made from `lib/contract/error-codes.ts` by `npm run errors`. Documents that other versions wrote may hold codes that are not here.",
  ].join("\n\n")}\n`;
}

function sections({ name, tables }: ErrorFamily): string[] {
  return tables.flatMap(({ title, codes }) => [
    `## ${title}`,
    `Class: ${classText(name)}.`,
    table(
      ["Code", "What it means", "What to do"],
      Object.entries(codes)
        .map(([code, { means, remedy }]) => [`\`${code}\``, means, remedy])
        .toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1)),
    ),
  ]);
}

/** Names of classes as code, a sentence as it is. */
const classText = (name: string): string => name.replaceAll(/\b[A-Z]\w+Error\b/g, "`$&`");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
