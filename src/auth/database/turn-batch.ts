/** How many are handed over together at most: nothing else has its turn while they are worked on. */
const MOST = 256;

/** Gathers what arrives in the same turn of the event loop, and hands it over together. */
export class Gathering<T> {
  private gathered: T[] = [];

  /** @param handOver neither throws nor rejects */
  constructor(private readonly handOver: (together: readonly T[]) => void) {}

  add(one: T): void {
    this.gathered.push(one);
    if (this.gathered.length === 1) this.handOverSoon();
  }

  private handOverSoon(): void {
    // After the turn's last request has been read.
    setImmediate(() => {
      const together = this.gathered.splice(0, MOST);
      if (this.gathered.length > 0) this.handOverSoon();
      this.handOver(together);
    });
  }
}
