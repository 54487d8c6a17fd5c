#!/usr/bin/env node
import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { ConfigurationError } from '../auth/auth.errors.js';
import { UsageError, type Command } from './commands/command.js';
import { keysAdd, keysGenerate, keysList, keysRetire } from './commands/keys.commands.js';
import { sessionsEnd } from './commands/sessions.commands.js';
import { packageVersion } from './package-version.js';

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
  return command.run(positionals.slice(2), values);
}

try {
  process.stdout.write(await run(process.argv.slice(2)));
} catch (error) {
  const { code, message, stack } = error as NodeJS.ErrnoException;
  const isUsage = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS') === true;
  const isExpected = isUsage || error instanceof ConfigurationError;
  process.stderr.write(
    `nest-refresh-token: ${isExpected ? message : (stack ?? message)}\n${isUsage ? `\n${HELP}` : ''}`,
  );
  process.exitCode = isUsage ? 2 : 1;
}
