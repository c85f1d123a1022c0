import { InvalidArgumentError } from "commander";
import { unknownName } from "../contract/closest-names";
import { methodNames } from "../contract/methods";
import type { Settings } from "../contract/settings";

/** What a number must keep to; what is left out is open. */
interface Range {
  readonly from?: number;
  /** Larger than this, not equal to it. */
  readonly above?: number;
}

/**
 * Parsers of what is typed after an option. Each says what was expected and what came instead; commander puts the option's
 * name before it, and the command ends with exit code 2.
 */
export function number(range: Range = {}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && isWithin(value, range)) return value;
    throw unexpected(`a number${rangeText(range)}${pointHint(text)}`, text);
  };
}

/** A whole number that a double holds exactly, from `from` (0 unless given) on. */
export function wholeNumber({ from = 0 }: Pick<Range, "from"> = {}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= from) return value;
    throw unexpected(`a whole number from ${from} on`, text);
  };
}

/** Words between commas. */
export function list(text: string): string[] {
  const words = text.split(",").map((word) => word.trim());
  if (words.includes("")) throw unexpected("words separated by commas, none of them empty,", text);
  return words;
}

/** Names of methods between commas; an unknown one is answered with the closest. */
export function methodList(text: string): string[] {
  const names = list(text);
  const unknown = names.find((name) => !(methodNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(unknownName("method", unknown, methodNames));
  return names;
}

/** As many numbers as an image has channels, or one for all of them, between commas. */
export function channelNumbers(range: Range = {}): (text: string) => number[] {
  return (text) => {
    const parts = text.split(",");
    const values = parts.map(Number);
    const usable = parts.every((part) => part.trim() !== "") && values.every((value) => isWithin(value, range));
    if (usable && (values.length === 1 || values.length === 3)) return values;
    const hint = parts.length === 2 ? ` (a fraction is written with a point: ${parts.join(".")})` : "";
    throw unexpected(`one number${rangeText(range)}, or three of them separated by commas${hint},`, text);
  };
}

/** Numbers from 0 to 1 between commas. */
export function shares(text: string): number[] {
  const values = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (values.every((value) => value >= 0 && value <= 1)) return values;
  throw unexpected("numbers from 0 to 1, separated by commas,", text);
}

/** "224", or "224x320" for height and width. */
export function imageSize(text: string): { height: number; width: number } {
  const [, height, width = height] = /^([1-9]\d*)(?:x([1-9]\d*))?$/.exec(text) ?? [];
  if (height === undefined || width === undefined) throw unexpected("a number of pixels, or <height>x<width>,", text);
  return { height: Number(height), width: Number(width) };
}

/** The class to explain: "predicted", or a class as typed: its name, or else its index (see `classIndexOf`). */
export function targetClass(text: string): Settings["target"] {
  if (text === "predicted") return "predicted";
  if (text === "") throw unexpected('a class by its name or index, or "predicted",', text);
  return { class: text };
}

/** Half of Europe writes a comma where a program wants a point. */
function pointHint(text: string): string {
  return /^\s*[-+]?\d*,\d+\s*$/.test(text) ? ` with a decimal point (${text.trim().replace(",", ".")})` : "";
}

function isWithin(value: number, { from = -Infinity, above = -Infinity }: Range): boolean {
  return Number.isFinite(value) && value >= from && value > above;
}

function rangeText({ from, above }: Range): string {
  return `${from === undefined ? "" : ` from ${from} on`}${above === undefined ? "" : ` above ${above}`}`;
}

function unexpected(expected: string, text: string): InvalidArgumentError {
  return new InvalidArgumentError(`Expected ${expected} but received ${JSON.stringify(text)}.`);
}
