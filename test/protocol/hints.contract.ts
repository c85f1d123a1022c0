import { batchName, type BatchName } from "../../lib/contract/names";
import type { Hints } from "../../lib/protocol/ports";

export interface ReceivedHints {
  readonly hints: Hints;
  /** The batches that so many ticks named, in the order they came; fails when they do not come. */
  received(count: number): Promise<readonly string[]>;
  close(): void;
}

const names: readonly BatchName[] = [
  "plain",
  "two words + more",
  "prüfung %2B",
  "quote'\"<&>\\",
  "細胞🔬",
  "x".repeat(200),
].map((name) => batchName.parse(name));

/** What every sender of ticks promises. */
export function hintsContract(create: () => Promise<ReceivedHints>): void {
  let made: ReceivedHints;
  beforeEach(async () => {
    made = await create();
  });
  afterEach(() => made?.close());

  test("a tick names its batch, whatever its name", async () => {
    for (const name of names) await made.hints.tick(name, 0);
    expect([...(await made.received(names.length))].sort()).toEqual([...names].sort());
  });

  test("a tick does not come before its time", async () => {
    const began = Date.now();
    await made.hints.tick(names[0]!, 2);
    expect(await made.received(1)).toEqual(["plain"]);
    // Clocks that count whole seconds may take off one.
    expect(Date.now() - began).toBeGreaterThanOrEqual(1000);
  });

  test("a tick may be asked for 900 seconds ahead, and is not there yet", async () => {
    await made.hints.tick(names[1]!, 900);
    await made.hints.tick(names[0]!, 0);
    expect(await made.received(1)).toEqual(["plain"]);
  });
}
