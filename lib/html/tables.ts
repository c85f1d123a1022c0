import { percent, whole } from "./figures";
import { type Content, html, type Markup } from "./markup";
import { shades } from "./style";

/** A table that may be wider than the window scrolls by itself, by keyboard too. */
export function scrollable(label: string, table: Content): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">${table}</div>`;
}

/** Counts by two kinds of name, as of truths and predictions. */
export interface CountMatrix {
  /** For those who do not see it. */
  readonly label: string;
  /** How to read it; stands below, where it does not scroll. */
  readonly note: Content;
  /** What rows and columns are: "True class", "Predicted class". */
  readonly rowTitle: string;
  readonly columnTitle: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** counts[row][column] */
  readonly counts: readonly (readonly number[])[];
  /** Whether each cell also says its share of the row. */
  readonly shares?: boolean;
}

/** Each cell is shaded by its share of the row; where the row's name is the column's, it is outlined. */
export function countMatrix(matrix: CountMatrix): Markup {
  const { label, note, rowTitle, columnTitle, rows, columns, counts, shares = false } = matrix;
  return html`${scrollable(
    label,
    html`<table class="matrix"><thead><tr><td></td><th scope="colgroup" colspan="${columns.length}">${columnTitle}</th></tr>
<tr><th scope="col" class="corner">${rowTitle}</th>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map((row, i) => {
      const total = (counts[i] ?? []).reduce((sum, count) => sum + count, 0);
      return html`<tr><th scope="row">${row}</th>${columns.map((column, j) => {
        const count = counts[i]?.[j] ?? 0;
        const share = total === 0 ? 0 : count / total;
        return html`<td class="shade-${Math.round(shades * share)}${row === column && " right"}">${whole(count)}${shares && html`<small>${percent(share)}</small>`}</td>`;
      })}</tr>`;
    })}</tbody></table>`,
  )}<p class="help">${note}</p>`;
}
