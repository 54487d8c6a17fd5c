import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuedSession } from 'nest-refresh-token';
import { bearer, call, json, refreshed } from '../support/http/http.js';
import { cleanUp, emptyFolder, runToEnd, startProcess, type Ended } from '../support/servers/process.js';

const CLI = resolve('dist/service/cli/cli.js');

function cli(...args: string[]): Promise<Ended> {
  return runToEnd(process.execPath, [CLI, ...args]);
}

/** Its exit code, and what it prints. */
type Outcome = Pick<Ended, 'code' | 'stdout' | 'stderr'>;

/** The same for many command lines in one process, one after the other: most of a run is the start of its process. */
async function cliForEach(commandLines: readonly string[][], cwd: string): Promise<Outcome[]> {
  const code = `
    const print = process.stdout.write.bind(process.stdout);
    process.stdout.setMaxListeners(0);
    const outcomes = [];
    for (const args of JSON.parse(process.argv[1])) {
      const written = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr']) process[name].write = (text) => (written[name] += text) !== '';
      process.argv = [process.execPath, 'cli.js', ...args];
      process.exitCode = 0;
      await import('${pathToFileURL(CLI)}?' + outcomes.length);
      outcomes.push({ code: process.exitCode, ...written });
    }
    process.exitCode = 0;
    print(JSON.stringify(outcomes));`;
  const node = ['--input-type=module', '-e', code, '--', JSON.stringify(commandLines)];
  const { stdout, ...result } = await runToEnd(process.execPath, node, { cwd });
  expect(result).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(stdout) as Outcome[];
}

afterAll(cleanUp);

describe('nest-refresh-token keys generate', () => {
  let runs: Ended[];
  let stdout: string;

  beforeAll(async () => {
    runs = await Promise.all([cli('keys', 'generate'), cli('keys', 'generate')]);
    for (const { code, stderr } of runs) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    stdout = String(runs[0]?.stdout);
  });

  it('prints a set that, pasted into .env, starts the service in production', async () => {
    const cwd = await emptyFolder();
    const more = 'NODE_ENV=production\nISSUER=https://auth.example.com\nDATABASE_URL=sqlite:sessions.sqlite\n';
    await writeFile(join(cwd, '.env'), stdout + more);
    const service = await startProcess({ cwd });
    const { SERVICE_KEYS } = parseEnv(stdout);
    const answer = await call(`${service.url}/sessions`, {
      headers: { ...bearer(String(SERVICE_KEYS)), 'Content-Type': 'application/json' },
      body: JSON.stringify({ subject: 'alice' }),
    });
    expect(answer.status).toBe(201);
    await refreshed(service.url, json<IssuedSession>(answer).refresh_token);
    // It is production, and on the given keys: nothing was made up.
    expect(service.stdout).not.toContain('curl');
    expect((await readdir(cwd)).filter((name) => !name.startsWith('sessions.sqlite'))).toEqual(['.env']);
  });

  it('prints the same set for a shell that sources it', async () => {
    const cwd = await emptyFolder();
    await writeFile(join(cwd, 'keys.env'), stdout);

    const names = ['REFRESH_TOKEN_SECRETS', 'SIGNING_KEYS', 'SERVICE_KEYS'];
    const show = names.map((name) => `printf '%s\\n' "$${name}"`).join('; ');
    const sourced = await runToEnd('bash', ['-c', `. ./keys.env; ${show}`], { cwd });
    const parsed = parseEnv(await readFile(join(cwd, 'keys.env'), 'utf8'));
    expect(sourced.stdout.trim().split('\n')).toEqual(names.map((name) => parsed[name]));
  });

  it('prints other keys on every run', () => {
    const [one, other] = runs.map((run) => parseEnv(run.stdout)) as [Keys, Keys];

    expect(Object.keys(one).toSorted()).toEqual(['REFRESH_TOKEN_SECRETS', 'SERVICE_KEYS', 'SIGNING_KEYS']);
    for (const [name, value] of Object.entries(one)) expect(other[name]).not.toBe(value);
  });
});

type Keys = Record<string, string>;

describe('nest-refresh-token', () => {
  const helps = [['--help'], ['-h'], ['keys', '--help']];
  const mistakes: [string[], RegExp][] = [
    [[], /no command/],
    [['keys'], /"keys"/],
    [['keys', 'generate', 'twice'], /"keys generate twice"/],
    [['keys', 'add', 'secret'], /^nest-refresh-token: got "keys add secret", takes "keys add \[--secret\]"\n/],
    [['keys', 'add', '--secrets'], /^nest-refresh-token: .*nknown option '?--secrets/],
    [['keys', 'retire'], /^nest-refresh-token: keys retire takes the id of a key, as "keys list" prints it\n/],
    [['keys', 'retire', 'one', 'two'], /"keys retire one two"/],
    [['keys', 'list', '--force'], /"keys list --force"/],
    [['keys', 'add', '--ids', '-'], /"keys add --ids"/],
    [['sessions', 'end'], /--ids <file>/],
    [['sessions', 'end', 'some', '--ids', '-'], /"sessions end some"/],
    [['serve'], /"serve"/],
    [['--force'], /--force/],
  ];
  let cwd: string;
  let outcomes: Map<string, Outcome>;

  beforeAll(async () => {
    cwd = await emptyFolder();
    const all = [...helps, ...mistakes.map(([args]) => args)];
    const found = await cliForEach(all, cwd);
    outcomes = new Map(all.map((args, at) => [args.join(' '), found[at] as Outcome]));
  });

  function outcomeOf(args: readonly string[]): Outcome {
    return outcomes.get(args.join(' ')) as Outcome;
  }

  it.each(helps.map((args) => [args]))('helps: %j', (args) => {
    const { code, stdout, stderr } = outcomeOf(args);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('keys generate');
  });

  it.each(mistakes)('does nothing on %j, and says what it takes', async (args, named) => {
    const { code, stdout, stderr } = outcomeOf(args);

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(named);
    expect(stderr).toContain('keys generate');
    expect(await readdir(cwd)).toEqual([]);
  });

  it('ends a process of its own with the same', async () => {
    for (const args of [['--help'], ['keys', 'add', 'secret']]) {
      expect(await cli(...args)).toEqual({ ...outcomeOf(args), signal: null });
    }
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };

    expect((await cli('--version')).stdout).toBe(`${version}\n`);
  });
});
