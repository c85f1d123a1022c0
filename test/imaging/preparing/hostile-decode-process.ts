import { decodingFunctions } from "../../../lib/imaging/preparing/decoding-functions";
import { serveDecoding } from "../../../lib/imaging/preparing/decoding-server";

/** A decoding process that does what the first bytes tell it to, as a library with a bug would. */
function misbehave(bytes: Uint8Array): void {
  const command = Buffer.from(bytes.subarray(0, 10)).toString("latin1");
  if (command.startsWith("CRASH")) process.kill(process.pid, "SIGSEGV");
  if (command.startsWith("EXIT")) process.exit(3);
  if (command.startsWith("HANG")) for (;;);
  if (command.startsWith("FILL")) for (const kept: Buffer[] = []; ;) kept.push(Buffer.alloc(8 * 2 ** 20, 1));
  if (command.startsWith("SECRETS")) throw new Error(Object.keys(process.env).sort().join(" "));
}

serveDecoding(
  {
    ...decodingFunctions,
    decode: (bytes, ask, limits) => {
      misbehave(bytes);
      return decodingFunctions.decode(bytes, ask, limits);
    },
  },
  Number(process.argv[2]),
);
