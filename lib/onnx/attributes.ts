import type { Attribute, Node, Tensor } from "./model";

/** The value of an attribute as plain code writes it: whole numbers are ints, `float()` marks floats. */
export type AttributeValue = number | string | readonly number[] | readonly string[] | Tensor | Attribute;

/** Marks a number as a float attribute; plain numbers become ints. */
export function float(value: number): Attribute {
  return { kind: "float", value };
}

export function floats(value: readonly number[]): Attribute {
  return { kind: "floats", value };
}

export function toAttribute(value: AttributeValue): Attribute {
  if (typeof value === "number") return { kind: "int", value };
  if (typeof value === "string") return { kind: "string", value };
  if (isList(value)) {
    return value.every((item) => typeof item === "number")
      ? { kind: "ints", value: value as readonly number[] }
      : { kind: "strings", value: value as readonly string[] };
  }
  return "kind" in value ? value : { kind: "tensor", value };
}

function isList(value: AttributeValue): value is readonly number[] | readonly string[] {
  return Array.isArray(value);
}

export function intAttribute(node: Node, name: string): number | undefined;
export function intAttribute(node: Node, name: string, fallback: number): number;
export function intAttribute(node: Node, name: string, fallback?: number): number | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === "int" ? attribute.value : fallback;
}

export function floatAttribute(node: Node, name: string): number | undefined;
export function floatAttribute(node: Node, name: string, fallback: number): number;
export function floatAttribute(node: Node, name: string, fallback?: number): number | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === "float" ? attribute.value : fallback;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const attribute = node.attributes[name];
  return attribute?.kind === "string" ? attribute.value : fallback;
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === "ints" ? attribute.value : undefined;
}

export function floatsAttribute(node: Node, name: string): readonly number[] | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === "floats" ? attribute.value : undefined;
}

export function tensorAttribute(node: Node, name: string): Tensor | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === "tensor" ? attribute.value : undefined;
}
