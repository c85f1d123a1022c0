import type { z } from "zod";

/** What is wrong with a part of a document: the field, what was expected of it and what it holds. */
export function describeIssue(issue: z.core.$ZodIssue, root: unknown): string {
  const came = issue.path.reduce<unknown>(
    (inner, part) => (inner as Record<PropertyKey, unknown> | undefined)?.[part],
    root,
  );
  const field = issue.path.length > 0 ? issue.path.join(".") : "the document";
  return `${field}: ${issue.message} (received ${came === undefined ? "nothing" : JSON.stringify(came).slice(0, 120)})`;
}
