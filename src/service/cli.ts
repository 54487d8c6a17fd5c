#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { generateSecret, generateServiceKey, generateSigningKeys } from './environment/key-generation.js';
import { packageVersion } from './package-version.js';

const HELP = `Usage: nest-refresh-token <command>

Commands:
  keys generate   print a fresh set of secrets and keys, ready to paste into .env or a secret store

Options:
  -h, --help      print this
  -v, --version   print the version
`;

function run(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } },
  });
  if (values.help) return print(HELP);
  if (values.version) return print(`${packageVersion()}\n`);
  if (positionals.join(' ') === 'keys generate') return print(generatedKeys());
  const got = positionals.length > 0 ? `unknown command "${positionals.join(' ')}"` : 'no command';
  process.stderr.write(`nest-refresh-token: got ${got}, takes one of these.\n\n${HELP}`);
  return 2;
}

function generatedKeys(): string {
  return [
    `REFRESH_TOKEN_SECRETS=${generateSecret()}`,
    `SIGNING_KEYS='${JSON.stringify(generateSigningKeys())}'`,
    `SERVICE_KEYS=${generateServiceKey()}`,
    '',
  ].join('\n');
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

try {
  process.exitCode = run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`nest-refresh-token: ${(error as Error).message}\n\n${HELP}`);
  process.exitCode = 2;
}
