import type { ValueInfo } from "../onnx/model";

/** A value's name, type and shape in one line. */
export function valueText({ name, dataType, shape }: ValueInfo): string {
  return `${name}: ${dataType} ${shape ? `[${shape.map((extent) => extent ?? "?").join(", ")}]` : "of unknown shape"}`;
}
