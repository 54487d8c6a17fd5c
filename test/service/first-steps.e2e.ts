import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { IssuedSession, TokenResponse } from 'nest-refresh-token';
import { serviceConfig } from '../../src/service/service.config.js';
import { IS_FASTIFY } from '../support/servers/http-adapter.js';
import { bearer, call, json, refresh, refreshed } from '../support/http/http.js';
import {
  cleanUp,
  emptyFolder,
  launch,
  runToEnd,
  startProcess,
  stop,
  until,
  type ServiceProcess,
  type TestProcess,
} from '../support/servers/process.js';
import { productionEnvironment } from '../support/servers/service.js';

const MADE_UP = ['refresh-token-secret', 'service-key', 'signing-keys.json'];

/** What the service prints to paste, from its first line to its last. */
async function block(service: TestProcess): Promise<string> {
  return until(
    'the block is printed',
    () => /^nest-refresh-token listens on [\s\S]*\/docs$/m.exec(service.stdout)?.[0],
  );
}

/** Pastes the printed commands, all and as they are, into a shell in `cwd`. */
async function paste(service: TestProcess, cwd: string, env: Record<string, string> = {}): Promise<Pasted> {
  const commands = /^Paste into another terminal.*:\n([\s\S]*)^More: /m.exec(await block(service))?.[1];
  const { stdout, stderr, code } = await runToEnd('bash', ['-c', commands ?? ''], { cwd, env });
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const [session, first, second, ...more] = stdout.trim().split('\n');
  expect(more).toEqual([]);
  return {
    session: JSON.parse(session ?? '') as IssuedSession,
    first: JSON.parse(first ?? '') as TokenResponse,
    second: JSON.parse(second ?? '') as TokenResponse,
  };
}

interface Pasted {
  readonly session: IssuedSession;
  readonly first: TokenResponse;
  readonly second: TokenResponse;
}

function expectFirstSteps({ session, first, second }: Pasted): void {
  expect(session.subject).toBe('alice');
  expect(session.refresh_token).toMatch(/^rt_/);
  expect(first.access_token).toMatch(/^eyJ/);
  expect(first.refresh_token).toMatch(/^rt_/);
  expect(first.refresh_token).not.toBe(session.refresh_token);
  expect(second.refresh_token).toBe(first.refresh_token);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

/** What has nothing to do with the adapter is tried on one. */
const describeOnExpress: (what: string, suite: () => void) => void = IS_FASTIFY ? () => undefined : describe;

describe('A newcomer, in an empty folder, without any environment', () => {
  let cwd: string;
  let service: ServiceProcess;
  let pasted: Pasted;

  beforeAll(async () => {
    cwd = await emptyFolder();
    service = await startProcess({ cwd });
    pasted = await paste(service, cwd);
  });
  afterAll(cleanUp);

  it('pastes the printed lines: a session, a refresh, and within the leeway the same successor', () => {
    expectFirstSteps(pasted);
  });

  it('gets keys made up that only the owner can read, and sees none of them', async () => {
    const data = join(cwd, 'data');

    expect(await modeOf(data)).toBe('700');
    const files = await filesBelow(cwd);
    expect(files).toEqual(expect.arrayContaining(MADE_UP.map((name) => join(data, name))));
    // The database and whatever SQLite keeps beside it too.
    expect(files.length).toBeGreaterThan(MADE_UP.length);
    for (const file of files) expect([file, await modeOf(file)]).toEqual([file, '600']);

    const written = service.stdout + service.stderr;
    const secrets = await Promise.all(MADE_UP.map((name) => readFile(join(data, name), 'utf8')));
    for (const secret of [...secrets, JSON.stringify(pasted.session)].flatMap(wordsOf)) {
      expect(written).not.toContain(secret);
    }
  });

  it('finds the same keys after a restart: a session of before goes on, and the old lines still work', async () => {
    const keys = await Promise.all(MADE_UP.map((name) => readFile(join(cwd, 'data', name), 'utf8')));
    await stop(service);

    service = await startProcess({ cwd, env: { PORT: String(service.port) } });
    await refreshed(service.url, pasted.first.refresh_token);
    expectFirstSteps(await paste(service, cwd));
    expect(await Promise.all(MADE_UP.map((name) => readFile(join(cwd, 'data', name), 'utf8')))).toEqual(keys);
  });
});

describe('A newcomer', () => {
  afterEach(cleanUp);

  it('may keep the data in a folder whose name has a leading dash, a space and quotes', async () => {
    const folder = `-my "data" of Alice's $HOME \`id\``;
    const cwd = await emptyFolder();
    const service = await startProcess({ cwd, env: { DATA_DIR: folder, HOST: '0.0.0.0' } });

    expectFirstSteps(await paste(service, cwd));
    expect(await readdir(join(cwd, folder))).toEqual(expect.arrayContaining(MADE_UP));
    expect(await filesBelow(cwd)).toEqual(await filesBelow(join(cwd, folder)));
    expect(await block(service)).toContain(`http://127.0.0.1:${service.port}`);
  });
});

describeOnExpress('A newcomer, too,', () => {
  afterEach(cleanUp);

  it('may keep the data in a folder elsewhere, which is made the owner’s own', async () => {
    const [cwd, parent] = [await emptyFolder(), await emptyFolder()];
    const data = join(parent, 'data');
    const service = await startProcess({ cwd, env: { DATA_DIR: data } });

    expectFirstSteps(await paste(service, cwd));
    expect(await readdir(cwd)).toEqual([]);
    expect(await modeOf(data)).toBe('700');
  });

  it('may write the configuration into .env, and ask for any free port: which it is, is told', async () => {
    const cwd = await emptyFolder();
    await writeFile(join(cwd, '.env'), 'DATA_DIR="elsewhere/data"\nPORT=0\n');
    const service = await launch({ cwd });

    expectFirstSteps(await paste(service, cwd));
    expect(await readdir(join(cwd, 'elsewhere/data'))).toEqual(expect.arrayContaining(MADE_UP));
  });
});

describeOnExpress('A newcomer with a service key', () => {
  afterEach(cleanUp);

  const SERVICE_KEY = 'a-service-key-of-my-own-0123456789';

  it('pastes the lines with SERVICE_KEY set; the key is written nowhere', async () => {
    const cwd = await emptyFolder();
    const service = await startProcess({
      cwd,
      env: { SERVICE_KEYS: `${SERVICE_KEY},another-key-of-the-service-012345` },
    });

    expect(await block(service)).toContain('Bearer $SERVICE_KEY"');
    expectFirstSteps(await paste(service, cwd, { SERVICE_KEY }));

    const files = await filesBelow(cwd);
    expect(files).not.toContain(join(cwd, 'data/service-key'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect((await readFile(file)).includes(SERVICE_KEY)).toBe(false);
    expect(service.stdout + service.stderr).not.toContain(SERVICE_KEY);
  });

  it('is not let in by a key made up on an earlier start', async () => {
    const cwd = await emptyFolder();
    // As a start makes it up.
    const { auth, serviceKeyFile } = serviceConfig({ DATA_DIR: join(cwd, 'data') });
    const [madeUp = ''] = auth.serviceKeys;
    expect(serviceKeyFile).toBe(join(cwd, 'data/service-key'));

    const { url } = await startProcess({ cwd, env: { SERVICE_KEYS: SERVICE_KEY } });
    const headers = { ...bearer(madeUp), 'Content-Type': 'application/json' };
    const answer = await call(`${url}/sessions`, { headers, body: '{"subject":"alice"}' });
    expect([answer.status, json(answer)]).toEqual([401, { error: 'invalid_service_key' }]);
  });
});

describe('In production', () => {
  afterEach(cleanUp);

  it('nothing is printed to paste, and no key is made up', async () => {
    const cwd = await emptyFolder();
    const { SERVICE_KEYS, ...env } = productionEnvironment('sqlite:sessions.sqlite');
    const service = await startProcess({ cwd, env });

    const answer = await call(`${service.url}/sessions`, { headers: bearer(SERVICE_KEYS ?? ''), body: '{}' });
    expect(answer.status).toBe(404);
    expect((await refresh(service.url, 'rt_x')).status).toBe(401);
    await stop(service);
    expect(service.stdout).not.toMatch(/Paste|curl/);
    expect((await filesBelow(cwd)).filter((file) => !file.includes('sessions.sqlite'))).toEqual([]);
  });
});
/** What could give a secret away: every longer run of characters in it. */
function wordsOf(text: string): string[] {
  return (text.match(/[\w-]{20,}/g) ?? []).filter((word) => !/^[0-9a-f-]{36}$/.test(word));
}
