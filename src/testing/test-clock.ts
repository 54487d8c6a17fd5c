import { Clock } from '../auth/runtime/clock.js';

/**
 * A clock that stands still until a test turns it, in milliseconds.
 * @example Test.createTestingModule({ imports: [AppModule] }).overrideProvider(Clock).useValue(clock)
 */
export class TestClock extends Clock {
  /** @param time where it stands at first, in milliseconds since the epoch; default: the system's time */
  constructor(private time = Date.now()) {
    super();
  }

  override now(): number {
    return this.time;
  }

  /** Turns it forward. */
  advance(milliseconds: number): void {
    this.time += milliseconds;
  }

  /** Turns it to a point in time, back too: milliseconds since the epoch. */
  set(time: number): void {
    this.time = time;
  }
}
