import { setImmediate as turn } from 'node:timers/promises';

/** Tells when clients that wait for nothing but a simulated world have done all that they can. */
export class Activity {
  private count = 0;

  /** Something has happened, or goes on. */
  note(): void {
    this.count += 1;
  }

  /** Until nothing has happened for some turns of the event loop: no promise leads any further. */
  async end(): Promise<void> {
    for (let seen = -1; seen !== this.count;) {
      seen = this.count;
      for (let turns = 0; turns < 3; turns += 1) await turn();
    }
  }
}
