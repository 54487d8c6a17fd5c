import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstSteps } from './first-steps.js';
import { serviceConfig } from './service.config.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'first-steps-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** What a shell makes of the Authorization header of the line that starts a session. */
function headerAsTyped(text: string, env: Record<string, string> = {}): string {
  const argument = /\/sessions -H (".*?") -H 'Content-Type/.exec(text)?.[1] ?? '';
  return execFileSync('sh', ['-c', `printf %s ${argument}`], {
    cwd: folder,
    env: { ...process.env, ...env },
  }).toString();
}

describe('the lines to paste', () => {
  it('show no secret that is made up, and read the key from its file', () => {
    const config = serviceConfig({ DATA_DIR: join(folder, 'data'), PORT: '8080' });
    const text = firstSteps(config);
    const [serviceKey = ''] = config.auth.serviceKeys;
    const [secret = ''] = config.auth.refreshToken.secrets;
    const signingKeys = JSON.stringify(config.auth.accessToken);
    const [, privateMember = ''] = /"d":"([^"]+)"/.exec(signingKeys) ?? [];

    expect([serviceKey, secret, privateMember].map(({ length }) => length)).toEqual([35, 43, 43]);
    expect(text).not.toContain(serviceKey);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(privateMember);
    expect(headerAsTyped(text)).toBe(`Authorization: Bearer ${serviceKey}`);
    expect(text.match(/http:\/\/127\.0\.0\.1:8080\/\w+/g)).toEqual([
      'http://127.0.0.1:8080/demo',
      'http://127.0.0.1:8080/sessions',
      'http://127.0.0.1:8080/refresh_token',
      'http://127.0.0.1:8080/refresh_token',
      'http://127.0.0.1:8080/docs',
    ]);
  });

  it('show no key that was given, and take it from the shell', () => {
    const SERVICE_KEYS = 'service-key-0123456789-0123';
    const config = serviceConfig({ DATA_DIR: join(folder, 'data'), SERVICE_KEYS });
    const text = firstSteps(config);
    expect(text).not.toContain(SERVICE_KEYS);
    expect(text).not.toContain('service-key');
    expect(headerAsTyped(text, { SERVICE_KEY: 'my-key' })).toBe('Authorization: Bearer my-key');
  });

  it.each([
    'data',
    './data',
    '-x',
    'a folder',
    "it's",
    '"quoted"',
    '$HOME',
    '`id`',
    '$(id)',
    'back\\slash',
    'a;b&c',
    'ü',
    '*',
  ])('follow DATA_DIR, however it is spelled: %s', (name) => {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, 'service-key'), 'the-key-of-a-newcomer-0123\n');
    const text = firstSteps({
      address: 'http://127.0.0.1:3000',
      serviceKeyFile: join(name, 'service-key'),
      hasDemo: false,
      auth: serviceConfig({ DATA_DIR: join(folder, 'data') }).auth,
    });
    expect(headerAsTyped(text)).toBe('Authorization: Bearer the-key-of-a-newcomer-0123');
  });

  it('say nothing of a demo where there is none', () => {
    const config = serviceConfig({ DATA_DIR: join(folder, 'data'), DEMO: 'false' });
    expect(firstSteps(config)).not.toContain('/demo');
  });

  it('are all that a shell is given: the address of the demo stands before them', () => {
    const text = firstSteps(serviceConfig({ DATA_DIR: join(folder, 'data') }));
    expect(text.indexOf('/demo\n')).toBeLessThan(text.indexOf('Paste into another terminal'));
  });

  it('say for how long the same successor comes back', () => {
    const config = serviceConfig({ DATA_DIR: join(folder, 'data'), REFRESH_TOKEN_LEEWAY: '42' });
    expect(firstSteps(config)).toContain('the leeway of 42 s');
  });

  it('promise no same successor where there is no leeway', () => {
    const config = serviceConfig({ DATA_DIR: join(folder, 'data'), REFRESH_TOKEN_LEEWAY: '0' });
    expect(firstSteps(config)).not.toContain('same successor');
  });
});
