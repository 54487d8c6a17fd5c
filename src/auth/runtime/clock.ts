/** The module's source of time. Provide a clock of your own in tests, to turn the time. */
export abstract class Clock {
  /** The time now, in whole milliseconds since 1970-01-01T00:00:00Z. */
  abstract now(): number;
}

export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }
}
