/** The most entries of one batch: the event loop does nothing else while a batch is worked on. */
const MOST = 256;

/** Collects the entries that arrive in the same turn of the event loop, and hands them over as one batch. */
export class TurnBatch<T> {
  private collected: T[] = [];

  /** @param handOver neither throws nor rejects */
  constructor(private readonly handOver: (batch: readonly T[]) => void) {}

  add(one: T): void {
    this.collected.push(one);
    if (this.collected.length === 1) this.handOverSoon();
  }

  private handOverSoon(): void {
    // Not earlier: the requests that arrive in this turn have been read by then.
    setImmediate(() => {
      const batch = this.collected.splice(0, MOST);
      if (this.collected.length > 0) this.handOverSoon();
      this.handOver(batch);
    });
  }
}
