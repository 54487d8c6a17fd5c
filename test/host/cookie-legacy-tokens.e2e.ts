import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cookie, OWN_PAGE, setCookie, setting, tokenIn } from '../support/http/cookies.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { hostOptions } from '../support/hosts/host.js';
import { call, json } from '../support/http/http.js';
import { startLegacyHost, type LegacyHost } from '../support/hosts/legacy-host.js';
import { NO_CONTENT, REFUSED, UNAVAILABLE, wire } from '../support/http/wire.js';

const NAME = 'app-session';
const DAYS_30 = 30 * 86_400;
const CLEARED = setCookie('', 0, NAME, 'Lax');
const FOREIGN_PAGE = { Origin: 'https://evil.example.net', 'Sec-Fetch-Site': 'cross-site' };

/** A refresh token as many hosts make it. */
function jwt(payload: object): string {
  const parts = [{ alg: 'HS256', typ: 'JWT' }, payload].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const signed = parts.join('.');
  return `${signed}.${createHmac('sha256', 'a secret of before').update(signed).digest('base64url')}`;
}

describe('A host whose refresh tokens were in a cookie before', () => {
  let database: TestDatabase;
  let host: LegacyHost;

  beforeAll(async () => {
    database = await createDatabase('SQLite');
    host = await startLegacyHost(database, { options: { ...hostOptions(), cookie: { name: NAME, sameSite: 'lax' } } });
  });
  beforeEach(() => host.reset());
  afterAll(async () => {
    await host?.close();
    await database?.drop();
  });

  const refresh = (token: string, page: Record<string, string> = OWN_PAGE) =>
    call(`${host.url}/refresh_token`, { headers: { ...cookie(token, NAME), ...page } });

  it.each([
    ['a JWT', jwt({ sub: 'alice', purpose: 'refresh' })],
    ['an opaque token', randomBytes(32).toString('hex')],
  ])('trades the old one, %s, for one of the module, in the same cookie', async (_, old) => {
    host.world.users.set(old, { subject: 'alice' });
    const answer = await refresh(old);
    const token = tokenIn(answer, NAME);
    expect(answer.headers['set-cookie']).toEqual([setCookie(token, DAYS_30, NAME, 'Lax')]);
    expect(token).toMatch(/^rt_/);
    expect(json(answer)).not.toHaveProperty('refresh_token');
    // A tab that comes late with the old one is handed the same.
    expect(tokenIn(await refresh(old), NAME)).toBe(token);
    expect(await host.rows()).toBe(1);
  });

  it('asks nobody about an old one that a foreign page sends', async () => {
    const old = jwt({ sub: 'alice' });
    host.world.users.set(old, { subject: 'alice' });
    expect((await refresh(old, FOREIGN_PAGE)).status).toBe(403);
    expect([host.world.asked, await host.rows()]).toEqual([[], 0]);
  });

  it('takes an old one away that the host does not know, and none where it cannot tell', async () => {
    const old = jwt({ sub: 'alice' });
    expect(wire(await refresh(old))).toEqual(setting(REFUSED, CLEARED));
    host.world.resolve = () => {
      throw new Error('out of order');
    };
    expect(wire(await refresh(old))).toEqual(UNAVAILABLE);
  });

  it('takes an old one away at the logout, and it is over', async () => {
    const old = jwt({ sub: 'alice', jti: 'leaving' });
    host.world.users.set(old, { subject: 'alice' });
    const headers = { ...cookie(old, NAME), ...OWN_PAGE };
    expect(wire(await call(`${host.url}/logout`, { headers }))).toEqual(setting(NO_CONTENT, CLEARED));
    expect(wire(await refresh(old))).toEqual(setting(REFUSED, CLEARED));
  });

  it('reads an old one as Express wrote it', async () => {
    const old = randomBytes(32).toString('base64');
    host.world.users.set(old, { subject: 'alice' });
    // As `response.cookie(name, old)` does.
    expect(tokenIn(await refresh(encodeURIComponent(old)), NAME)).toMatch(/^rt_/);
    expect(host.world.asked).toEqual([old]);
  });

  it('reads one that looks encoded and is not as it stands', async () => {
    const old = '100%-of-it';
    host.world.users.set(old, { subject: 'alice' });
    expect(tokenIn(await refresh(old), NAME)).toMatch(/^rt_/);
  });
});
