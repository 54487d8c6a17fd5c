import { TestClock as SystemTestClock } from '../../src/testing/test-clock.js';

/** The clock of the testing helpers, that stands at one time in every run. */
export class TestClock extends SystemTestClock {
  constructor(time = Date.UTC(2026, 0, 1)) {
    super(time);
  }
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
