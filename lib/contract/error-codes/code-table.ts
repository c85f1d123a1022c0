/** What a code says to people: one sentence on what happened, one on what to do. */
export interface CodeMeaning {
  readonly means: string;
  readonly remedy: string;
}

export type CodeTable = Readonly<Record<string, CodeMeaning>>;
