import { Clock } from '../auth/runtime/clock.js';

/**
 * A clock that stands still until a test moves it.
 * @example Test.createTestingModule({ imports: [AppModule] }).overrideProvider(Clock).useValue(clock)
 */
export class TestClock extends Clock {
  /** @param time the first time, in milliseconds since the epoch. Default: the system's time */
  constructor(private time = Date.now()) {
    super();
  }

  override now(): number {
    return this.time;
  }

  /** Moves the clock forward by some milliseconds. */
  advance(milliseconds: number): void {
    this.time += milliseconds;
  }

  /** Moves the clock to a time, forward or back, in milliseconds since the epoch. */
  set(time: number): void {
    this.time = time;
  }
}
