import { serveDecoding } from "../../../lib/imaging/preparing/decoding-server";
import { decode, decodeRegion } from "../../../lib/imaging/decoding/decode";
import { prepare } from "../../../lib/imaging/preparing/prepare";

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
    decode: (bytes, limits) => {
      misbehave(bytes);
      return decode(bytes, limits);
    },
    decodeRegion,
    prepare,
  },
  Number(process.argv[2]),
);
