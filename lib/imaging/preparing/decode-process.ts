import { decodingFunctions } from "./decoding-functions";
import { serveDecoding } from "./decoding-server";

serveDecoding(decodingFunctions, Number(process.argv[2]));
