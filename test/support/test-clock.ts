import { Clock } from '../../src/auth/clock.js';

/** A clock that stands still until a test turns it. Milliseconds. */
export class TestClock extends Clock {
  constructor(private time = Date.UTC(2026, 0, 1)) {
    super();
  }

  now(): number {
    return this.time;
  }

  advance(milliseconds: number): void {
    this.time += milliseconds;
  }

  /** Turns it to a point in time, back too. */
  set(time: number): void {
    this.time = time;
  }
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
