import type { Computation } from "./session";

interface Entry {
  readonly session: Computation;
  readonly bytes: number;
}

/**
 * Live sessions by what they compute. Sessions are slow to make and hold their memory, so they are kept, but no more than
 * a few and within a budget: those used longest ago are closed first.
 */
export class SessionCache {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly mostBytes: number,
    private readonly mostSessions = 5,
  ) {}

  /** @param bytes what the session is expected to hold when it runs */
  async get(key: string, bytes: number, open: () => Promise<Computation>): Promise<Computation> {
    const known = this.entries.get(key);
    if (known) {
      // Entries are in order of use.
      this.entries.delete(key);
      this.entries.set(key, known);
      return known.session;
    }
    await this.makeRoomFor(bytes);
    const session = await open();
    this.entries.set(key, { session, bytes });
    return session;
  }

  get liveSessions(): number {
    return this.entries.size;
  }

  async close(): Promise<void> {
    for (const [key, { session }] of this.entries) {
      this.entries.delete(key);
      await session.close();
    }
  }

  private async makeRoomFor(bytes: number): Promise<void> {
    let total = [...this.entries.values()].reduce((sum, entry) => sum + entry.bytes, bytes);
    for (const [key, entry] of this.entries) {
      if (total <= this.mostBytes && this.entries.size < this.mostSessions) return;
      this.entries.delete(key);
      await entry.session.close();
      total -= entry.bytes;
    }
  }
}
