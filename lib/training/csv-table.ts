/** A table with a header: rows are as long as it is. */
export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Reads comma-, semicolon- or tab-separated text with quotes (RFC 4180); whichever of the three the header has most of parts its cells. */
export function parseCsv(text: string): CsvTable {
  const [first = ""] = text.split(/\r?\n/, 1);
  const counts = [",", ";", "\t"].map((mark) => ({ mark, count: first.split(mark).length }));
  const { mark } = counts.reduce((most, one) => (one.count > most.count ? one : most));
  const [columns = [], ...rows] = recordsOf(text.replace(/^\uFEFF/, ""), mark);
  return {
    columns: columns.map((name) => name.trim()),
    rows: rows.filter((row) => row.length > 1 || row[0] !== "").map((row) => columns.map((_, at) => row[at] ?? "")),
  };
}

function recordsOf(text: string, mark: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [],
    cell = "",
    quoted = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') cell += text[at++];
      else quoted = false;
    } else if (letter === '"' && cell === "") quoted = true;
    else if (letter === mark || letter === "\n") {
      record.push(letter === "\n" ? cell.replace(/\r$/, "") : cell);
      cell = "";
      if (letter === "\n") {
        records.push(record);
        record = [];
      }
    } else cell += letter;
  }
  if (cell !== "" || record.length > 0) records.push([...record, cell.replace(/\r$/, "")]);
  return records;
}
