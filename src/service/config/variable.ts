import { ConfigurationError } from '../../auth/auth.errors.js';
import { Refusal, type Reader, type Row } from '../../auth/options/reader.js';

/** One variable of the environment. */
export interface Variable<T> {
  readonly name: string;
  /** The texts that the variable takes, in words: for messages and the documentation. */
  readonly takes: string;
  readonly about: string;
  /** The text that an unset variable is read as; without it, an unset variable has no value. */
  readonly fallback?: string;
  /** The documentation's words for an unset variable, where there is no one text. */
  readonly fallbackAbout?: string;
  /** The value is never shown. It may be given as a file, by `<NAME>_FILE`. */
  readonly isSecret?: boolean;
  /** The value is never shown: somebody may have pasted a secret there. */
  readonly isHidden?: boolean;
  /** The row of the module's option that the variable sets; absent where it sets none. */
  readonly sets?: Row;
  /** @returns the value, durations in milliseconds; `undefined` where the variable doesn't take the text */
  parse(text: string): T | undefined;
}

/** A variable that always has a value. */
export type Defaulted<T> = Variable<T> & { readonly fallback: string };

/** The value that a variable's text is read as. */
export type ValueOf<V> = V extends Variable<infer T> ? T : never;

/** A variable with a grammar of its own. */
export function variable<T>(definition: Defaulted<T>): Defaulted<T>;
export function variable<T>(definition: Variable<T>): Variable<T>;
export function variable<T>(definition: Variable<T>): Variable<T> {
  return definition;
}

/** The part of a variable that its reader doesn't know. */
interface About<T> extends Pick<Variable<T>, 'name' | 'about' | 'fallbackAbout' | 'isSecret' | 'isHidden'> {
  /** Whether the variable refuses a value that the row takes. */
  isRefused?(value: T): boolean;
}

/** An option's row; or a reader alone, for a variable that sets no option of the module. */
type RowOrReader<T> = Reader<unknown, T> | Row<Reader<unknown, T>>;

/** A variable that is read as an option is: limits, default and the words for them come from the option's row. */
export function readBy<T>(row: RowOrReader<T> & { readonly fallback: unknown }, about: About<T>): Defaulted<T>;
export function readBy<T>(row: RowOrReader<T>, about: About<T>): Variable<T>;
export function readBy<T>(row: RowOrReader<T>, { isRefused, ...about }: About<T>): Variable<T> {
  const { fallback, textTakes, fromText, read } = row;
  return {
    ...about,
    takes: textTakes,
    ...(fallback !== undefined && { fallback: String(fallback) }),
    ...('option' in row && { sets: row }),
    parse(text) {
      const value = read(fromText(text), Date.now());
      return value instanceof Refusal || isRefused?.(value) ? undefined : value;
    },
  };
}

/**
 * Reads a variable's text, wherever it came from.
 * @param source the name at the beginning of the message
 * @param remedy the text at its end
 * @throws ConfigurationError in one line: the value and the values that are taken; never a secret
 */
export function parsed<T>(definition: Variable<T>, text: string, source = definition.name, remedy = ''): T {
  const { takes, isSecret, isHidden } = definition;
  const got = isSecret || isHidden ? `a value of ${text.length} characters` : JSON.stringify(text);
  const refused = (why = '') => new ConfigurationError(`${source}: got ${got}${why}, takes ${takes}.${remedy}`);
  let value: T | undefined;
  try {
    value = definition.parse(text);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw refused(` (${error.message.replace(/\.$/, '')})`);
  }
  if (value === undefined) throw refused();
  return value;
}
