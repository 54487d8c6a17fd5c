import { until } from '../servers/process.js';

/** A door that a test shuts and opens: what comes to it meanwhile waits. */
export class Latch {
  /** How many wait. */
  waiting = 0;
  private opened: Promise<void> = Promise.resolve();
  private openNow: () => void = () => undefined;

  shut(): void {
    this.opened = new Promise((opened) => {
      this.openNow = opened;
    });
  }

  open(): void {
    this.openNow();
  }

  async pass(): Promise<void> {
    this.waiting += 1;
    await this.opened;
    this.waiting -= 1;
  }

  /** Waits until so many wait. */
  async holds(count = 1): Promise<void> {
    await until(`${count} wait`, () => this.waiting >= count || undefined);
  }
}
