import type { Clock } from "../../lib/bucket/clock";
import type { ObjectStore } from "../../lib/storage/object-store";

/** Time that passes only while everything waits: calls beside each other take as long as one. */
export class WaitingClock implements Clock {
  private at = Date.parse("2026-11-23T12:00:00Z");
  private readonly sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  private isTurning = false;

  now = (): Date => new Date(this.at);

  sleep = (milliseconds: number): Promise<void> =>
    new Promise((wake) => {
      this.sleepers.push({ until: this.at + milliseconds, wake });
      if (this.isTurning) return;
      this.isTurning = true;
      setImmediate(this.turn);
    });

  sleepAtMost = (milliseconds: number): Promise<void> => this.sleep(milliseconds);

  /** Everyone who could go on has: the next to be woken is whose time comes first. */
  private readonly turn = (): void => {
    this.at = Math.max(this.at, Math.min(...this.sleepers.map(({ until }) => until)));
    const due = this.sleepers.filter(({ until }) => until <= this.at);
    this.sleepers.splice(0, this.sleepers.length, ...this.sleepers.filter(({ until }) => until > this.at));
    for (const { wake } of due) wake();
    this.isTurning = this.sleepers.length > 0;
    if (this.isTurning) setImmediate(this.turn);
  };
}

/** A store each of whose calls takes as long as one to S3 does; counts them by name. */
export function slowStore(
  store: ObjectStore,
  clock: WaitingClock,
  milliseconds: number,
): { readonly store: ObjectStore; readonly calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const slow = new Proxy(store, {
    get: (target, name: string) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return async (...words: unknown[]): Promise<unknown> => {
        calls[name] = (calls[name] ?? 0) + 1;
        await clock.sleep(milliseconds);
        return (member as (...words: unknown[]) => Promise<unknown>).apply(target, words);
      };
    },
  });
  return { store: slow, calls };
}
