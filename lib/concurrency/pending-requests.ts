interface Pending<Reply> {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/**
 * Requests to a peer (a worker thread, a child process) that answers each with a reply of the same id, in any order. Posting
 * and receiving are the caller's: it knows its peer and its messages.
 */
export class PendingRequests<Reply> {
  private readonly pending = new Map<number, Pending<Reply>>();
  private nextId = 0;
  private gone: Error | undefined;

  /** Requests that wait for a reply. */
  get size(): number {
    return this.pending.size;
  }

  /**
   * @param post sends the request under this id; what it throws is the answer
   * @throws the error with which the peer went, when it is gone
   */
  send(post: (id: number) => void): Promise<Reply> {
    const id = this.nextId++;
    const reply = new Promise<Reply>((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
    });
    // Who asked for something ahead may never come to fetch it: a peer that goes meanwhile must not end the program.
    reply.catch(() => undefined);
    try {
      if (this.gone) throw this.gone;
      post(id);
    } catch (error) {
      this.reject(id, error instanceof Error ? error : new Error(String(error)));
    }
    return reply;
  }

  resolve(id: number, reply: Reply): void {
    this.take(id)?.resolve(reply);
  }

  reject(id: number, error: Error): void {
    this.take(id)?.reject(error);
  }

  /** The peer is gone: all that waits fails with this error, and so does all that is sent from now on. */
  rejectAll(error: Error): void {
    this.gone ??= error;
    for (const { reject } of this.pending.values()) reject(this.gone);
    this.pending.clear();
  }

  private take(id: number): Pending<Reply> | undefined {
    const found = this.pending.get(id);
    this.pending.delete(id);
    return found;
  }
}
