import { decode, decodeRegion } from "../decoding/decode";
import { serveDecoding } from "./decoding-server";
import { prepare } from "./prepare";

serveDecoding({ decode, decodeRegion, prepare }, Number(process.argv[2]));
