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

/** The command was called in a way that it can't be. */
export class UsageError extends Error {}
