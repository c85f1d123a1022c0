/** Rows of five dots from the top, as hexadecimal; drawn for this project, so that pictures need no font of the machine. */
const glyphs: Readonly<Record<string, string>> = {
  "0": "0e11131519110e",
  "1": "040c040404040e",
  "2": "0e11010204081f",
  "3": "1f02040201110e",
  "4": "02060a121f0202",
  "5": "1f101e0101110e",
  "6": "0608101e11110e",
  "7": "1f010204080808",
  "8": "0e11110e11110e",
  "9": "0e11110f01020c",
  A: "0e11111f111111",
  B: "1e11111e11111e",
  C: "0e11101010110e",
  D: "1c12111111121c",
  E: "1f10101e10101f",
  F: "1f10101e101010",
  G: "0e11101711110f",
  H: "1111111f111111",
  I: "0e04040404040e",
  J: "0702020202120c",
  K: "11121418141211",
  L: "1010101010101f",
  M: "111b1515111111",
  N: "11111915131111",
  O: "0e11111111110e",
  P: "1e11111e101010",
  Q: "0e11111115120d",
  R: "1e11111e141211",
  S: "0f10100e01011e",
  T: "1f040404040404",
  U: "1111111111110e",
  V: "11111111110a04",
  W: "11111115151b11",
  X: "11110a040a1111",
  Y: "1111110a040404",
  Z: "1f01020408101f",
  "-": "0000001f000000",
  "+": "0004041f040400",
  ".": "000000000c0c00",
  ",": "000000000c0408",
  ":": "000c0c000c0c00",
  "%": "18190204081303",
  "(": "02040808080402",
  ")": "08040202020408",
  "/": "00010204081000",
  "×": "0000110a040a11",
  "=": "00001f001f0000",
  " ": "00000000000000",
};
const unknown = "1f11111111111f";

export const glyphHeight = 7;
const advance = 6;

/** Width of a text in pixels at a scale of whole pixels a dot. */
export function textWidth(text: string, scale = 1): number {
  return Math.max(0, [...text].length * advance - 1) * scale;
}

/** Calls `dot` for each pixel of the text, whose top left corner is (left, top). Letters are capitals. */
export function drawText(
  text: string,
  left: number,
  top: number,
  dot: (x: number, y: number) => void,
  scale = 1,
): void {
  [...text.toUpperCase()].forEach((character, position) => {
    const rows = (glyphs[character] ?? unknown).match(/../g) ?? [];
    rows.forEach((row, y) => {
      const bits = Number.parseInt(row, 16);
      for (let x = 0; x < 5; x++) {
        if ((bits >> (4 - x)) & 1) fillSquare(left + (position * advance + x) * scale, top + y * scale, scale, dot);
      }
    });
  });
}

function fillSquare(left: number, top: number, side: number, dot: (x: number, y: number) => void): void {
  for (let y = top; y < top + side; y++) for (let x = left; x < left + side; x++) dot(x, y);
}
