import type { Outcome } from "../contract/outcome";
import type { Summary } from "../contract/summary";

/** What a table's row is made of: an outcome, and the run that decided it. */
export interface TableRow {
  readonly outcome: Outcome;
  readonly run?: string;
}

/**
 * results.csv line by line, whatever the number of rows (RFC 4180: commas, CRLF, quotes doubled; UTF-8). One row an image; for
 * each method three columns. A text cell that a spreadsheet would take for a formula is preceded by an apostrophe.
 */
export async function* csvLines(
  summary: Pick<Summary, "explanations">,
  rows: AsyncIterable<TableRow> | Iterable<TableRow>,
): AsyncGenerator<string> {
  const methods = summary.explanations.map(({ method }) => method);
  yield line([
    "key",
    "status",
    "class",
    "class_index",
    "probability",
    "label",
    ...methods.flatMap((method) => [`${method}_relative_error`, `${method}_map_change`, `${method}_converged`]),
    "reason",
    "message",
    "warnings",
    "seconds",
    "finished_at",
    "run",
    "work",
    "result",
  ]);
  for await (const { outcome, run } of rows) yield line(cells(outcome, run, methods));
}

type Cell = string | number | boolean | null | undefined;

function cells(outcome: Outcome, run: string | undefined, methods: readonly string[]): Cell[] {
  const succeeded = outcome.status === "succeeded" ? outcome : undefined;
  const figures = methods.flatMap((method): Cell[] => {
    const found = succeeded?.explanations.find((explanation) => explanation.method === method);
    return [found?.relative, found?.mapChange, found?.converged];
  });
  return [
    outcome.key,
    outcome.status,
    succeeded?.className,
    succeeded?.classIndex,
    succeeded?.probability,
    outcome.label,
    ...figures,
    outcome.status === "failed" ? outcome.failure.code : outcome.status === "skipped" ? outcome.reason : undefined,
    outcome.status === "failed" ? outcome.failure.message : undefined,
    succeeded?.warnings.join("; "),
    outcome.seconds,
    outcome.finishedAt,
    run,
    outcome.work,
    outcome.status === "failed" ? undefined : outcome.resultKey,
  ];
}

function line(values: readonly Cell[]): string {
  return `${values.map(cell).join(",")}\r\n`;
}

function cell(value: Cell): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const harmless = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
