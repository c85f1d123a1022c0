import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import path from "node:path";
import { ModelError } from "../contract/errors";

/** Where a tensor's bytes lie, as TensorProto.external_data says it. */
interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  /** Undefined: to the end of the file. */
  readonly length: number | undefined;
}

/** Gives the bytes of a tensor that lies in another file; `label` names it in messages. */
export type ReadExternal = (place: ExternalPlace, label: string) => Uint8Array;

/**
 * Reads external data from a model's own folder and from no other place: a relative path without "..", over folders and a
 * file that are no links (ONNX, page on external data: "location … relative to the directory where the model was stored").
 */
export function externalDataIn(folder: string): ReadExternal {
  return ({ location, offset, length }, label) => {
    const refuse = (why: string): never => {
      throw new ModelError(
        "model.external-data",
        `Expected the data of ${label} in a file of the model's own folder but ${JSON.stringify(location)} ${why}`,
      );
    };
    const parts = location.split(/[\\/]/);
    if (location === "" || path.isAbsolute(location) || /^[A-Za-z]:|\0/.test(location) || parts.includes(".."))
      return refuse("leads elsewhere");
    let file = folder;
    for (const part of parts) {
      file = path.join(file, part);
      const facts = lstatSync(file, { throwIfNoEntry: false });
      if (!facts) return refuse("is not there; keep it beside the model, or export with the weights in the model file");
      if (facts.isSymbolicLink()) return refuse("is a link");
    }
    return readRange(file, offset, length, refuse);
  };
}

function readRange(
  file: string,
  offset: number,
  length: number | undefined,
  refuse: (why: string) => never,
): Uint8Array {
  // The file may have become a link since it was looked at.
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile()) return refuse("is no file");
    const wanted = length ?? facts.size - offset;
    if (!(offset >= 0 && wanted >= 0 && offset + wanted <= facts.size))
      return refuse(`has ${facts.size} bytes, and ${wanted} from ${offset} on were asked for`);
    const bytes = new Uint8Array(wanted);
    for (let read = 0; read < wanted;) {
      const count = readSync(descriptor, bytes, read, wanted - read, offset + read);
      if (count === 0) return refuse("became shorter while it was read");
      read += count;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}
