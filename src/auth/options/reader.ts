import { ConfigurationError } from '../auth.errors.js';

/** How one option is read. `Given` is what a host writes, `Value` is what the module works with. */
export interface Reader<Given, Value = Given> {
  /** The default, as a host would write it. Absent where there is none, or where another option's value is the default. */
  readonly fallback?: Given;
  /** What the option takes where it is written as one text, as in a variable of the environment. */
  readonly textTakes: string;
  /** That text as a value of the option; a text that means no value stays as it is, for `read` to refuse. */
  fromText(text: string): unknown;
  /** @param now milliseconds */
  read(value: unknown, now: number): Value | Refusal;
}

/** A reader for every option of a group: a table that misses one doesn't compile. */
export type Readers<Options> = {
  readonly [Name in keyof Options]-?: Reader<Exclude<Options[Name], undefined>, unknown>;
};

/** The groups of options; `moduleWide` are the options that stand in no group. */
export type Group = 'refreshToken' | 'accessToken' | 'session' | 'cookie' | 'oauth' | 'moduleWide';

/** A reader that knows which option it reads. */
export type Row<R = Reader<unknown>> = R & {
  readonly group: Group;
  readonly name: string;
  /** Group and name for messages, such as `session.purge`. */
  readonly option: string;
};

/** The rows of a group of options, by their names. */
export type Table = Readonly<Record<string, Row>>;

/** The values of a group, as the module works with them. */
export type Resolved<T> = {
  readonly [Name in keyof T]: T[Name] extends Reader<unknown, infer Value> ? Value : never;
};

/** Why a value isn't taken. */
export class Refusal {
  constructor(
    readonly got: string,
    readonly takes: string,
    /** Which part of the value it is, such as `[1]`. */
    readonly part = '',
  ) {}

  toError(option: string): ConfigurationError {
    return new ConfigurationError(`${option}${this.part}: got ${this.got}, takes ${this.takes}.`);
  }
}

/** Makes the table of a group of options. */
export function table<T extends Record<string, Reader<unknown>>>(
  group: Group,
  readers: T,
): { readonly [Name in keyof T]: Row<T[Name]> } {
  const rows = Object.entries(readers).map(([name, reader]) => [
    name,
    { ...reader, group, name, option: group === 'moduleWide' ? name : `${group}.${name}` },
  ]);
  return Object.fromEntries(rows) as { readonly [Name in keyof T]: Row<T[Name]> };
}

/** An option with a default. */
export function withDefault<Given, Value>(
  reader: Reader<Given, Value>,
  fallback: NoInfer<Given>,
): Reader<Given, Value> & { readonly fallback: Given } {
  return { ...reader, fallback, read: (value, now) => reader.read(value === undefined ? fallback : value, now) };
}

/** An option that may be left out; `leftOut` is what the module works with then. */
export function optional<Given, Value, LeftOut>(
  reader: Reader<Given, Value>,
  leftOut: LeftOut,
): Reader<Given, Value | LeftOut> {
  return { ...reader, read: (value, now) => (value === undefined ? leftOut : reader.read(value, now)) };
}

/**
 * Reads one option.
 * @param now milliseconds
 * @throws ConfigurationError naming the option, what it got and what it takes; never a secret
 */
export function readOption<Value>(row: Row<Reader<unknown, Value>>, value: unknown, now: number): Value {
  const read = row.read(value, now);
  if (read instanceof Refusal) throw read.toError(row.option);
  return read;
}
