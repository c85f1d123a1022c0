import { decode } from "./decode";
import { serveDecoding } from "./decoding-server";
import { prepare } from "./prepare";

serveDecoding({ decode, prepare }, Number(process.argv[2]));
