import * as fc from "fast-check";
import type { Outcome } from "../../lib/contract/outcome";
import { csvLines } from "../../lib/report/csv";
import { sampleBatch } from "./sample-batch";

async function table(outcomes: readonly Outcome[], methods: readonly string[] = []): Promise<string> {
  const explanations = methods.map((method) => ({
    method,
    count: 1,
    converged: null,
    medianRelative: null,
    medianMapChange: null,
  }));
  let text = "";
  for await (const line of csvLines(
    { explanations },
    outcomes.map((outcome) => ({ outcome, run: "0123456789abcdef" })),
  ))
    text += line;
  return text;
}

/** Reads RFC 4180 by its grammar, character by character. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length;) {
    let value = "";
    if (text[at] === '"') {
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        if (text[at] === '"') at++;
        value += text[at];
      }
      at++;
    } else while (at < text.length && text[at] !== "," && text[at] !== "\r") value += text[at++];
    row.push(value);
    if (text[at] === ",") at++;
    else {
      expect(text.slice(at, at + 2)).toBe("\r\n");
      rows.push(row);
      row = [];
      at += 2;
    }
  }
  return rows;
}

const thumbnail = new Uint8Array();

test("one row an image, with each method's figures, failures with their reason", async () => {
  const { outcomes } = sampleBatch("b", [
    { name: "a.png", thumbnail, converged: false, label: "parabasal", warnings: ["one", "two"] },
    { name: "b.png", thumbnail, failure: { code: "image.empty", message: 'Expected an image, of "any" kind' } },
  ]);
  const [header, first, second] = parse(await table(outcomes, ["integrated-gradients", "grad-cam"]));
  const row = (values: string[]): Record<string, string> =>
    Object.fromEntries(header!.map((name, i) => [name, values[i]!]));
  expect(first).toHaveLength(header!.length);
  expect(row(first!)).toMatchObject({
    key: "incoming/b/a.png",
    status: "succeeded",
    label: "parabasal",
    warnings: "one; two",
    "integrated-gradients_relative_error": "0.21",
    "integrated-gradients_converged": "false",
    "grad-cam_relative_error": "",
    run: "0123456789abcdef",
  });
  expect(row(second!)).toMatchObject({
    status: "failed",
    reason: "image.empty",
    message: 'Expected an image, of "any" kind',
    class: "",
    probability: "",
  });
});

test("whatever a name holds, it stays one cell, and no spreadsheet takes it for a formula", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.constantFrom(
          "=1+1",
          "+1",
          "-1",
          "@SUM(A1)",
          "\t=1",
          "\r=1",
          '=HYPERLINK("http://x")',
          'a"b',
          "a,b",
          "a\r\nb",
        ),
      ),
      async (name) => {
        const failed: Outcome = {
          status: "failed",
          work: "w" as Outcome["work"],
          key: name as Outcome["key"],
          finishedAt: "2026-01-01T00:00:00Z",
          seconds: 1,
          failure: { code: "c", message: name },
        };
        const rows = parse(await table([failed]));
        expect(rows).toHaveLength(2);
        const key = rows[1]![0]!;
        expect(key.replace(/^'/, "")).toBe(name.replace(/^'/, ""));
        expect(key).not.toMatch(/^[=+\-@\t\r\n]/);
      },
    ),
  );
});
