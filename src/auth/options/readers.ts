import { DURATION_TAKES, parseDuration, type Duration } from '../formats/duration.js';
import { kindOf } from '../formats/expectation.js';
import { isIssuerUrl } from '../formats/issuer-url.js';
import { parseTime, PASSED_TIME_TAKES } from '../formats/time.js';
import { Refusal, type Reader } from './reader.js';

/** A duration, read as milliseconds. */
export function duration({ min, max }: { min?: Duration; max?: Duration } = {}): Reader<Duration, number> {
  const shortest = min === undefined ? 0 : millisecondsOf(min);
  const longest = max === undefined ? Infinity : millisecondsOf(max);
  const limits = [
    ...(min === undefined ? [] : [`at least ${min}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
    ...(max !== undefined && shortest === 0 ? ['0 allowed'] : []),
  ];
  return {
    textTakes: limits.length === 0 ? DURATION_TAKES : `${DURATION_TAKES}; ${limits.join(', ')}`,
    fromText: unchanged,
    read(value) {
      const milliseconds = parseDuration(value);
      if (milliseconds === undefined) return refused(value, DURATION_TAKES);
      if (milliseconds < shortest) return refused(value, `at least ${shortest / 1_000} s`);
      if (milliseconds > longest) return refused(value, `at most ${longest / 1_000} s`);
      return milliseconds;
    },
  };
}

export function flag(): Reader<boolean> {
  return {
    textTakes: 'true, false',
    fromText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
    read: (value) => (typeof value === 'boolean' ? value : refused(value, 'true or false')),
  };
}

export function choice<T extends string>(...values: readonly [T, ...T[]]): Reader<T> {
  return {
    textTakes: values.join(', '),
    fromText: unchanged,
    read: (value) => values.find((one) => one === value) ?? refused(value, values.join(' or ')),
  };
}

export function count(): Reader<number> {
  const takes = 'a whole number of at least 1';
  return {
    textTakes: takes,
    fromText: (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : text),
    read: (value) =>
      Number.isSafeInteger(value) && (value as number) >= 1 ? (value as number) : refused(value, takes),
  };
}

/** A time that has passed, read as milliseconds. */
export function passedTime(): Reader<Date | string, number> {
  return {
    textTakes: PASSED_TIME_TAKES,
    fromText: unchanged,
    read(value, now) {
      const time = value instanceof Date ? value.getTime() : parseTime(value);
      const isPassed = time !== undefined && Number.isFinite(time) && time <= now;
      return isPassed ? time : refused(value, PASSED_TIME_TAKES);
    },
  };
}

/** A text of a given form, which messages may show. */
export function matching(pattern: RegExp, takes: string, textTakes = takes): Reader<string> {
  return {
    textTakes,
    fromText: unchanged,
    read: (value) => (typeof value === 'string' && pattern.test(value) ? value : refused(value, takes)),
  };
}

export function url(): Reader<string> {
  const takes = 'a URL such as https://app.example.com/oauth';
  return {
    textTakes: takes,
    fromText: unchanged,
    read: (value) => (isIssuerUrl(value) ? value : refused(value, takes)),
  };
}

interface ListForm {
  /** What the entries are, for messages. */
  readonly of: string;
  /** What the option takes; default: a list of these entries. */
  readonly takes?: string;
  /** Default true. */
  readonly isEmptyTaken?: boolean;
  isEntry(entry: unknown): boolean;
  /** What the message says of an entry that isn't taken: its value, or of a secret its size. */
  refuse(entry: unknown, position: number, takes: string): Refusal;
}

export function list(form: ListForm): Reader<readonly string[], string[]> {
  const { of, takes = `a list of ${of}`, isEmptyTaken = true, isEntry, refuse } = form;
  return {
    textTakes: `${of}, separated by commas`,
    fromText: entriesOf,
    read(value) {
      if (!Array.isArray(value)) return new Refusal(kindOf(value), takes);
      const entries = value as readonly unknown[];
      if (entries.length === 0 && !isEmptyTaken) return new Refusal('an empty list', takes);
      const position = entries.findIndex((entry) => !isEntry(entry));
      return position < 0 ? [...(entries as readonly string[])] : refuse(entries[position], position, takes);
    },
  };
}

/** Refuses a value that may be shown. */
export function refused(value: unknown, takes: string): Refusal {
  return new Refusal(JSON.stringify(value), takes);
}

/** What may be said of a value that may be a secret. */
export function sizeOf(value: unknown): string {
  return typeof value === 'string' ? `${value.length} characters` : kindOf(value);
}

/** The entries of a list that is written as one text, with commas between them. */
function entriesOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** The limits stand in the tables, so a limit that isn't a duration is a mistake of ours. */
function millisecondsOf(limit: Duration): number {
  const milliseconds = parseDuration(limit);
  if (milliseconds === undefined) throw new TypeError(`${limit} isn't a duration.`);
  return milliseconds;
}

function unchanged(text: string): string {
  return text;
}
