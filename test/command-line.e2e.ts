import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { bearer, call, json, refreshed } from './support/http.js';
import { cleanUp, emptyFolder, runToEnd, startProcess, type Ended } from './support/process.js';
import type { IssuedSession } from '../src/auth/refresh-token/token-response.js';

const CLI = resolve('dist/service/cli.js');

function cli(...args: string[]): Promise<Ended> {
  return runToEnd(process.execPath, [CLI, ...args]);
}

afterAll(cleanUp);

describe('nest-refresh-token keys generate', () => {
  it('prints a set that, pasted into .env, starts the service in production', async () => {
    const { code, stdout, stderr } = await cli('keys', 'generate');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

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
    const { stdout } = await cli('keys', 'generate');
    const cwd = await emptyFolder();
    await writeFile(join(cwd, 'keys.env'), stdout);

    const names = ['REFRESH_TOKEN_SECRETS', 'SIGNING_KEYS', 'SERVICE_KEYS'];
    const show = names.map((name) => `printf '%s\\n' "$${name}"`).join('; ');
    const sourced = await runToEnd('bash', ['-c', `. ./keys.env; ${show}`], { cwd });
    const parsed = parseEnv(await readFile(join(cwd, 'keys.env'), 'utf8'));
    expect(sourced.stdout.trim().split('\n')).toEqual(names.map((name) => parsed[name]));
  });

  it('prints other keys on every run', async () => {
    const runs = await Promise.all([cli('keys', 'generate'), cli('keys', 'generate')]);
    const [one, other] = runs.map(({ stdout }) => parseEnv(stdout)) as [Keys, Keys];

    expect(Object.keys(one).toSorted()).toEqual(['REFRESH_TOKEN_SECRETS', 'SERVICE_KEYS', 'SIGNING_KEYS']);
    for (const [name, value] of Object.entries(one)) expect(other[name]).not.toBe(value);
  });
});

type Keys = Record<string, string>;

describe('nest-refresh-token', () => {
  it.each([['--help'], ['-h'], ['keys', '--help']])('helps: %s %s', async (...args) => {
    const { code, stdout, stderr } = await cli(...args);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('keys generate');
  });

  it.each<[string[], string]>([
    [[], 'no command'],
    [['keys'], '"keys"'],
    [['keys', 'generate', 'twice'], '"keys generate twice"'],
    [['keys', 'add', 'secret'], 'got "keys add secret", takes "keys add [--secret]"'],
    [['keys', 'retire'], 'the id of a key'],
    [['keys', 'retire', 'one', 'two'], '"keys retire one two"'],
    [['keys', 'list', '--force'], '"keys list --force"'],
    [['keys', 'add', '--ids', '-'], '"keys add --ids"'],
    [['sessions', 'end'], '--ids <file>'],
    [['sessions', 'end', 'some', '--ids', '-'], '"sessions end some"'],
    [['serve'], '"serve"'],
    [['--force'], '--force'],
  ])('does nothing on %j, and says what it takes', async (args, named) => {
    const { code, stdout, stderr } = await cli(...args);

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(named);
    expect(stderr).toContain('keys generate');
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };

    expect((await cli('--version')).stdout).toBe(`${version}\n`);
  });
});
