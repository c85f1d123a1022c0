import { closestNames } from "./closest-names";
import { UserError } from "./errors";

/** More are counted, not listed. */
const mostListed = 40;

/**
 * The index of a class that was asked for by its name or index.
 * @throws UserError "settings.unknown-class", which lists the classes and names the closest
 */
export function classIndexOf(asked: string | number, classes: readonly string[]): number {
  const index = typeof asked === "number" ? asked : classes.indexOf(asked);
  if (Number.isInteger(index) && index >= 0 && index < classes.length) return index;
  const all = classes.length > mostListed ? `${classes.length} classes` : `classes (${classes.join(", ")})`;
  const closest = typeof asked === "string" ? `; the closest is ${closestNames(asked, classes, 1).join("")}` : "";
  throw new UserError(
    "settings.unknown-class",
    `Expected one of the model's ${all} or an index below ${classes.length} for target but received ${JSON.stringify(asked)}${closest}`,
  );
}
