import { closestNames } from "./closest-names";
import { UserError } from "./errors";

/** More are counted, not listed. */
const mostListed = 40;

/**
 * The index of a class that was asked for by its name or index. Text is a name first: with classes named "2" and "3", "2" is
 * the first of them; where no class has that name, digits are an index. A number is always an index.
 * @throws UserError "settings.unknown-class", which lists the classes and names the closest; "settings.ambiguous-class" where
 *   several classes have the name
 */
export function classIndexOf(asked: string | number, classes: readonly string[]): number {
  if (typeof asked === "string" && classes.indexOf(asked) !== classes.lastIndexOf(asked))
    throw new UserError(
      "settings.ambiguous-class",
      `Expected a class that one name tells from the others for target but several are called ${JSON.stringify(asked)}: ${classes.flatMap((name, index) => (name === asked ? [index] : [])).join(", ")}`,
    );
  const named = typeof asked === "string" ? classes.indexOf(asked) : asked;
  const index = named === -1 && /^\d+$/.test(String(asked)) ? Number(asked) : named;
  if (Number.isInteger(index) && index >= 0 && index < classes.length) return index;
  const all = classes.length > mostListed ? `${classes.length} classes` : `classes (${classes.join(", ")})`;
  const closest = typeof asked === "string" ? `; the closest is ${closestNames(asked, classes, 1).join("")}` : "";
  throw new UserError(
    "settings.unknown-class",
    `Expected one of the model's ${all} or an index below ${classes.length} for target but received ${JSON.stringify(asked)}${closest}`,
  );
}
