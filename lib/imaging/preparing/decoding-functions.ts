import { decode, measure } from "../decoding/decode";
import type { DecodingFunctions } from "./decoding-server";
import { overview, prepareTiles } from "./large-picture";
import { prepare } from "./prepare";

/** What the decoding process is asked to do, as it does it. */
export const decodingFunctions: DecodingFunctions = {
  decode: (bytes, { colour }, limits) => decode(bytes, limits, colour),
  measure: (bytes, _, limits) => measure(bytes, limits),
  prepare,
  overview,
  prepareTiles,
};
