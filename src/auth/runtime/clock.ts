/** Where the module reads the time: milliseconds since the epoch. Provide your own in tests to turn it. */
export abstract class Clock {
  /** The time now, in whole milliseconds since 1970-01-01T00:00:00Z. */
  abstract now(): number;
}

export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }
}
