import { execFileSync } from "node:child_process";
import path from "node:path";

/** Promises that a test settles when it likes. */
export class Controlled<Key> {
  readonly begun: Key[] = [];
  private readonly open = new Map<Key, { resolve(): void; reject(error: Error): void }>();

  /** Begun, and not yet ended. */
  get inFlight(): number {
    return this.open.size;
  }

  begin = (key: Key): Promise<Key> => {
    this.begun.push(key);
    return new Promise((resolve, reject) => {
      this.open.set(key, { resolve: () => resolve(key), reject });
    });
  };

  end(key: Key, error?: Error): void {
    const ends = this.open.get(key)!;
    this.open.delete(key);
    if (error) ends.reject(error);
    else ends.resolve();
  }
}

/** Settles as soon as the promise does: the message it fails with, undefined when it does not fail. */
export const failureOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: Error) => error.message,
  );

/**
 * What a program of its own prints that does this with the room's module. Node ends a program with an error at the first
 * rejection that no one has handled when the microtasks are done; Jest forgives those that are handled later.
 */
export function printedByProgram(module: string, does: string): string {
  const file = path.join(__dirname, "../../lib/concurrency", `${module}.js`);
  return execFileSync(process.execPath, ["-e", `const room = require(${JSON.stringify(file)});\n${does}`], {
    encoding: "utf8",
  });
}
