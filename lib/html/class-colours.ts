/** Eight colours that stay apart for common kinds of colour blindness, dark enough for white text; red, green, blue. */
const colours = [
  [0, 98, 155],
  [178, 71, 0],
  [0, 115, 83],
  [146, 63, 137],
  [122, 92, 0],
  [190, 38, 60],
  [70, 84, 190],
  [84, 96, 104],
] as const;

/** How many class colours there are before they repeat. */
export const classColourCount = colours.length;

/** The colour of a class by its index, on pages and in annotations alike. */
export function classColour(classIndex: number): readonly [number, number, number] {
  return colours[classIndex % colours.length] ?? colours[0];
}

/** The style class under which a page has that colour as `--class`. */
export const colourClass = (classIndex: number): string => `class-${classIndex % colours.length}`;
