import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import type { IssuedSession, TokenResponse } from 'nest-refresh-token';
import { bearer, call, json, refresh, refreshed } from '../support/http/http.js';
import { cleanUp, emptyFolder, runToEnd, startProcess, type ServiceProcess } from '../support/servers/process.js';
import { blocksOf } from './docs/markdown.js';
import { readmes } from './docs/readmes.js';

/** What the package's users read. */
const pages = readmes()
  .filter((path) => !path.startsWith('test/'))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));

/** Their blocks of commands that an installed service is called with. */
const blocks = pages.flatMap(({ text }) => blocksOf('sh', text));

function blockWith(text: string): string {
  const found = blocks.filter((block) => block.includes(text));
  expect(found).toHaveLength(1);
  return found[0] as string;
}

// As a newcomer has it: the package installed in a folder, the service started there, its log in a file.
describe("The READMEs' commands", () => {
  let cwd: string;
  let service: ServiceProcess;

  beforeAll(async () => {
    cwd = await emptyFolder();
    await mkdir(join(cwd, 'node_modules/.bin'), { recursive: true });
    const command = `#!/bin/sh\nexec node '${resolve('dist/service/cli/cli.js')}' "$@"\n`;
    await writeFile(join(cwd, 'node_modules/.bin/nest-refresh-token'), command, { mode: 0o755 });
    service = await startProcess({ cwd });
  });
  afterAll(cleanUp);

  /** Runs a block as it stands there, but for the address of the service. */
  async function paste(block: string): Promise<string> {
    const script = block.replace('http://127.0.0.1:3000', service.url);
    const { code, stdout, stderr } = await runToEnd('bash', ['-euo', 'pipefail', '-c', script], {
      cwd,
      env: { HOME: cwd, npm_config_update_notifier: 'false' },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  async function signIn(subject: string): Promise<IssuedSession> {
    const serviceKey = (await readFile(join(cwd, 'data/service-key'), 'utf8')).trim();
    const answer = await call(`${service.url}/sessions`, {
      headers: { ...bearer(serviceKey), 'Content-Type': 'application/json' },
      body: JSON.stringify({ subject }),
    });
    return json<IssuedSession>(answer);
  }

  it('are all run: here, or in the folder of the sources by .ci/run', () => {
    expect(blocks).toHaveLength(4);
    const run = readFileSync('.ci/run', 'utf8');
    const wanted = [...run.matchAll(/\$\(block_with '?([^')|]+?)'?(?: \||\))/g)].map(([, text = '']) => text);
    const others = pages.flatMap(({ text }) => blocksOf('bash', text));
    expect(others).toHaveLength(2);
    expect(others.filter((block) => !wanted.some((text) => block.includes(text)))).toEqual([]);
  });

  it('start a session', async () => {
    const session = JSON.parse(await paste(blockWith('"subject": "alice"'))) as IssuedSession;
    expect((await refresh(service.url, session.refresh_token)).status).toBe(200);
    await paste(
      'curl -fs -o /dev/null -X DELETE "http://127.0.0.1:3000/sessions?subject=alice" -H "Authorization: Bearer $(cat data/service-key)"',
    );
  });

  it('list the sessions of a user, change their roles, and sign them out everywhere', async () => {
    const [phone, laptop, bob] = [await signIn('alice'), await signIn('alice'), await signIn('bob')];
    const lines = blockWith('/sessions?subject=').split('\n');
    const before = lines.slice(0, -1).join('\n');

    const answers = await paste(before);
    expect(answers.match(/"id":"[^"]+"/g)).toEqual([laptop, phone].map(({ session_id }) => `"id":"${session_id}"`));
    expect(answers).toContain('{"updated":2}');
    const { access_token } = await refreshed(service.url, phone.refresh_token);
    expect(decodeJwt(access_token)).toMatchObject({ sub: 'alice', roles: ['admin'] });

    expect(await paste([lines[0], lines.at(-1)].join('\n'))).toBe('{"ended":2}\n');
    expect((await refresh(service.url, laptop.refresh_token)).status).toBe(401);
    expect((await refresh(service.url, bob.refresh_token)).status).toBe(200);
  });

  it('add keys, and list them', async () => {
    const { refresh_token } = await signIn('alice');
    const output = await paste(blockWith('keys add --secret'));
    expect(output).toMatch(/^Added the signing key .*\nAdded the secret .*\nKIND /);
    expect(output.match(/^(signing key|secret) .*$/gm)).toHaveLength(4);
    const { access_token }: TokenResponse = await refreshed(service.url, refresh_token);
    expect(access_token).toMatch(/^eyJ/);
  });

  it('end again what the log says was ended', async () => {
    const [ended, live] = [await signIn('carol'), await signIn('carol')];
    await call(`${service.url}/logout`, { headers: bearer(ended.refresh_token) });
    await writeFile(join(cwd, 'service.log'), service.stdout);

    expect(await paste(blockWith('sessions end --ids'))).toMatch(/^0 ended; \d+ had ended before/);
    expect((await refresh(service.url, live.refresh_token)).status).toBe(200);
  });
});
