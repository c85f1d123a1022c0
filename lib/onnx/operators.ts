/** The newest ai.onnx operator set whose changes since 21 are known here (ONNX 1.23). */
export const newestOpset = 28;

/** The IR version that introduced an operator set: older runtimes tell by it whether they can read a file. */
export function irVersionOfOpset(opset: number): number {
  const introductions: readonly (readonly [opset: number, irVersion: number])[] = [
    [28, 14],
    [26, 13],
    [25, 13],
    [24, 12],
    [23, 11],
    [21, 10],
    [19, 9],
    [15, 8],
    [12, 7],
    [11, 6],
    [10, 5],
    [9, 4],
  ];
  return introductions.find(([first]) => opset >= first)?.[1] ?? 4;
}
