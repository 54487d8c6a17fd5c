#!/usr/bin/env node
import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { AuthError, TemporarilyUnavailableError } from '../../auth/auth.errors.js';
import { UsageError, type Command, type CommandOptions } from './command.js';
import { keysAdd, keysGenerate, keysList, keysRetire } from './keys.commands.js';
import { sessionsEnd } from './sessions.commands.js';
import { packageVersion } from '../config/package-version.js';

const COMMANDS: Record<string, Command> = {
  'keys generate': keysGenerate,
  'keys list': keysList,
  'keys add': keysAdd,
  'keys retire': keysRetire,
  'sessions end': sessionsEnd,
};

const HELP = `Usage: nest-refresh-token <command>

Commands:
${Object.values(COMMANDS)
  .map(({ usage, about }) => `  ${usage.padEnd(27)} ${about}`)
  .join('\n')}

Options:
  -h, --help      print this
  -v, --version   print the version

DATA_DIR, DATABASE_URL and the rest are read as the service reads them: from the environment, and .env in this folder.
`;

async function run(args: string[]): Promise<string> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
      secret: { type: 'boolean' },
      force: { type: 'boolean' },
      ids: { type: 'string' },
    },
  });
  if (values.help) return HELP;
  if (values.version) return `${packageVersion()}\n`;
  const name = positionals.slice(0, 2).join(' ');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    throw new UsageError(`got ${name === '' ? 'no command' : `unknown command "${name}"`}, takes one of these`);
  }
  const operands = positionals.slice(2);
  requireUsage(command, operands, values);
  return command.run(operands, values);
}

/** @throws UsageError where there is more than the usage has: `keys add secret` would add a signing key */
function requireUsage({ usage }: Command, operands: readonly string[], options: CommandOptions): void {
  const taken = usage.match(/(?<!--\w+ )<\w+>/g)?.length ?? 0;
  const strangers = Object.keys(options).filter((option) => !usage.includes(`--${option}`));
  if (operands.length <= taken && strangers.length === 0) return;
  const got = [usage.split(' ', 2), operands, strangers.map((option) => `--${option}`)].flat().join(' ');
  throw new UsageError(`got ${JSON.stringify(got)}, takes ${JSON.stringify(usage)}`);
}

// Whoever reads may have seen enough: `… | head`.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

try {
  process.stdout.write(await run(process.argv.slice(2)));
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  const isUsage = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS') === true;
  process.stderr.write(`nest-refresh-token: ${reason(error as Error, isUsage)}\n${isUsage ? `\n${HELP}` : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}

/** What we threw on purpose is told in one line; a bug with its stack. */
function reason(error: Error, isUsage: boolean): string {
  if (error instanceof TemporarilyUnavailableError) return `${error.message} ${(error.cause as Error).message}`;
  const unknown = /^Unknown option '([^']*)'/.exec(error.message)?.[1];
  if (unknown !== undefined) return `got the unknown option ${unknown}, takes those of the commands`;
  return isUsage || error instanceof AuthError ? error.message : (error.stack ?? error.message);
}
