/** What an option is followed by: a `flag` by nothing, a `file` by the path of a file. */
export type OptionKind = 'flag' | 'file';

/** The options of a command by their names, without the leading `--`. */
export type Options = Readonly<Record<string, OptionKind>>;

/** What the options of a command were given as. */
export type ValuesOf<O extends Options> = { readonly [Name in keyof O]?: ValueOf<O[Name]> };
type ValueOf<Kind extends OptionKind> = Kind extends 'flag' ? boolean : string;

/**
 * A command of `nest-refresh-token`.
 *
 * @example
 * const keysRetire: Command<{ force: 'flag' }> = {
 *   about: 'take a key out of DATA_DIR',
 *   operands: ['id'],
 *   options: { force: 'flag' },
 *   run: ([id], { force = false }) => `Retired ${id}.\n`,
 * };
 */
export interface Command<O extends Options = Options> {
  /** What the command does, for `--help`. */
  readonly about: string;
  /** The names of its operands, in their order. Default: it takes none. */
  readonly operands?: readonly string[];
  /** The options that it takes. Default: none. */
  readonly options?: O;
  /**
   * Does the work. Progress goes to stderr.
   * @param operands at most as many as are declared; the command itself refuses a missing one
   * @returns the text for stdout
   */
  run(operands: readonly string[], options: ValuesOf<O>): string | Promise<string>;
}

/** How a command is called, for `--help` and for messages: `keys retire <id> [--force]`. */
export function usageOf(name: string, { operands = [], options = {} }: Command): string {
  const named = Object.entries(options).map(([option, kind]) =>
    kind === 'flag' ? `[--${option}]` : `--${option} <${kind}>`,
  );
  return [name, ...operands.map((operand) => `<${operand}>`), ...named].join(' ');
}

/** The longest argument that a message repeats, in characters. */
const MAX_SHOWN = 20;

/** An argument for a message that refuses it. A long one may be a token or a secret, so only its length is told. */
export function shown(text: string): string {
  return text.length > MAX_SHOWN ? `${text.length} characters` : JSON.stringify(text);
}

/** The command line names no command, or gives a command what it doesn't take. */
export class UsageError extends Error {}
