/** Thrown wherever a process that was killed would have gone on. */
export class Killed extends Error {
  constructor() {
    super("killed");
  }
}

/**
 * A process's life in so many calls to its surroundings: the last one may or may not have had its effect when the kill
 * comes, and nothing happens after it, whatever catch and finally blocks try.
 */
export class Life {
  private used = 0;

  constructor(
    private readonly calls = Number.MAX_SAFE_INTEGER,
    private readonly lastTakesEffect = false,
  ) {}

  get isOver(): boolean {
    return this.used >= this.calls;
  }

  /** Ends it here and now. */
  end(): never {
    this.used = this.calls;
    throw new Killed();
  }

  async spend<T>(action: () => Promise<T>): Promise<T> {
    if (this.isOver) throw new Killed();
    this.used++;
    if (!this.isOver) return action();
    if (this.lastTakesEffect) await action().catch(() => undefined);
    throw new Killed();
  }
}

/** Every method of an object, each call spending from a life. */
export function mortal<T extends object>(target: T, life: Life): T {
  return new Proxy(target, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name);
      return typeof member === "function"
        ? (...words: unknown[]) => life.spend(() => Promise.resolve(Reflect.apply(member, object, words) as unknown))
        : member;
    },
  });
}
