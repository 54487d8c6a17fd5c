/** A command of `nest-refresh-token`. */
export interface Command {
  /** How it is called, for `--help`. */
  readonly usage: string;
  readonly about: string;
  /** @returns what it prints on stdout; what it has to say meanwhile goes to stderr */
  run(positionals: readonly string[], options: CommandOptions): string | Promise<string>;
}

/** The options of all commands. */
export interface CommandOptions {
  readonly secret?: boolean;
  readonly force?: boolean;
  readonly ids?: string;
}

/** The longest text that a message tells back, in characters. */
const MAX_SHOWN = 20;

/** What was given where an id is taken, for a message: a token or a secret is longer, and isn't told back. */
export function shown(text: string): string {
  return text.length > MAX_SHOWN ? `${text.length} characters` : JSON.stringify(text);
}

/** The command was called in a way that it can't be. */
export class UsageError extends Error {}
