/** How many are handed over as one batch at most: nothing else has its turn while they are worked on. */
const MOST = 256;

/** Collects what arrives in the same turn of the event loop, and hands it over as one batch. */
export class TurnBatch<T> {
  private collected: T[] = [];

  /** @param handOver neither throws nor rejects */
  constructor(private readonly handOver: (batch: readonly T[]) => void) {}

  add(one: T): void {
    this.collected.push(one);
    if (this.collected.length === 1) this.handOverSoon();
  }

  private handOverSoon(): void {
    // After the turn's last request has been read.
    setImmediate(() => {
      const batch = this.collected.splice(0, MOST);
      if (this.collected.length > 0) this.handOverSoon();
      this.handOver(batch);
    });
  }
}
