#!/usr/bin/env node
import 'reflect-metadata';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { packageVersion } from '../config/package-version.js';
import { failureReason } from '../failure-reason.js';
import { UsageError, usageOf, type Command, type ValuesOf } from './command.js';
import { keysAdd, keysGenerate, keysList, keysRetire } from './keys.commands.js';
import { sessionsEnd } from './sessions.commands.js';

const COMMANDS: Readonly<Record<string, Command>> = {
  'keys generate': keysGenerate,
  'keys list': keysList,
  'keys add': keysAdd,
  'keys retire': keysRetire,
  'sessions end': sessionsEnd,
};

const HELP = `Usage: nest-refresh-token <command>

Commands:
${Object.entries(COMMANDS)
  .map(([name, command]) => `  ${usageOf(name, command).padEnd(27)} ${command.about}`)
  .join('\n')}

Options:
  -h, --help      print this
  -v, --version   print the version

DATA_DIR, DATABASE_URL and the rest are read as the service reads them: from the environment, and .env in this folder.
`;

/** The options of all commands, as `parseArgs` takes them: which command is called is known only afterwards. */
const OPTIONS: NonNullable<ParseArgsConfig['options']> = Object.fromEntries(
  Object.values(COMMANDS)
    .flatMap(({ options = {} }) => Object.entries(options))
    .map(([name, kind]) => [name, { type: kind === 'flag' ? 'boolean' : 'string' }]),
);

async function run(args: string[]): Promise<string> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...OPTIONS, help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } },
  });
  if (values['help']) return HELP;
  if (values['version']) return `${packageVersion()}\n`;
  const name = positionals.slice(0, 2).join(' ');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    throw new UsageError(`got ${name === '' ? 'no command' : `unknown command "${name}"`}, takes one of these`);
  }
  const operands = positionals.slice(2);
  requireDeclared(name, command, operands, Object.keys(values));
  return command.run(operands, values as ValuesOf<NonNullable<Command['options']>>);
}

/** @throws UsageError where the command doesn't take all that was given: `keys add secret` would add a signing key */
function requireDeclared(
  name: string,
  command: Command,
  operands: readonly string[],
  options: readonly string[],
): void {
  const undeclared = options.filter((option) => !Object.hasOwn(command.options ?? {}, option));
  if (operands.length <= (command.operands ?? []).length && undeclared.length === 0) return;
  const got = [name, ...operands, ...undeclared.map((option) => `--${option}`)].join(' ');
  throw new UsageError(`got ${JSON.stringify(got)}, takes ${JSON.stringify(usageOf(name, command))}`);
}

/** The message of a mistake in the command line. */
function mistake({ message }: Error): string {
  const unknown = /^Unknown option '([^']*)'/.exec(message)?.[1];
  return unknown === undefined ? message : `got the unknown option ${unknown}, takes those of the commands`;
}

// The reader of a pipe may close it before the end: `… | head`.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

try {
  process.stdout.write(await run(process.argv.slice(2)));
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  const isMistake = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS') === true;
  const reason = isMistake ? `${mistake(error as Error)}\n\n${HELP}` : `${failureReason(error)}\n`;
  process.stderr.write(`nest-refresh-token: ${reason}`);
  process.exitCode = isMistake ? 2 : 1;
}
