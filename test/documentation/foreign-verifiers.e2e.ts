import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Express } from 'express';
import { SigningKeyRegistry } from '../../src/auth/key-ring/signing-key.registry.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { forgedAccessTokens } from '../support/http/forged-access-tokens.js';
import { bearer, call, json, refreshed, signIn } from '../support/http/http.js';
import { decoded } from '../support/http/jwt.js';
import { PublicAddress } from '../support/http/public-address.js';
import { describePython, PythonProcess } from '../support/python.js';
import { region } from './docs/snippet.js';
import { startService, type TestService } from '../support/servers/service.js';
import { jwkOf, keyPair, signing, type Signing } from '../support/http/signing.js';
import { MINUTE, TestClock } from '../support/test-clock.js';

const EXPRESS_APP = 'test/fixtures/verifiers/express-app.ts';
const PYTHON_SCRIPT = 'test/fixtures/verifiers/verify.py';

/** What a resource server says to a token. */
interface Verdict {
  readonly status: number;
  readonly claims?: Record<string, unknown>;
}

/** Signed by the service, and so never but as it makes them: nothing for others to ask about. */
const ONLY_OURS = / (?:sid|jti|iat|auth_time|scope) |sub is a number|16 KiB/;
const forged = forgedAccessTokens('ES256').filter(({ name }) => !ONLY_OURS.test(`${name} `));

/** A service at a public address, its keys in the test's hand. */
class Issuer {
  readonly signing: Signing = signing('ES256');

  private constructor(
    readonly address: PublicAddress,
    private readonly database: TestDatabase,
  ) {}

  service!: TestService;

  static async start(): Promise<Issuer> {
    const issuer = new Issuer(await PublicAddress.open(), await createDatabase('SQLite'));
    const SIGNING_KEYS = JSON.stringify({ keys: issuer.signing.keys });
    // The verifiers go by the real time.
    const clock = new TestClock(Date.now());
    // A new key signs at once: here nobody waits for five minutes.
    const env = { ISSUER: issuer.address.url, SIGNING_KEYS, KEY_ACTIVATION_DELAY: '0' };
    issuer.service = await startService(issuer.database.url, { env, clock });
    issuer.address.leadTo(issuer.service.url);
    return issuer;
  }

  async token(): Promise<string> {
    return (await signIn(this.service.url)).access_token;
  }

  /** From now on another key signs, which stands before the old ones. */
  async rollKeys(): Promise<void> {
    const key = jwkOf(keyPair('ES256'), 'new');
    await this.service.app.get(SigningKeyRegistry).replace([key, ...this.signing.keys]);
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.address.close();
    await this.database.drop();
  }
}

describe("The README's Express app with jose", () => {
  let issuer: Issuer;
  let server: Server;
  let orders: string;

  beforeAll(async () => {
    issuer = await Issuer.start();
    process.env['ISSUER'] = issuer.address.url;
    const { app } = (await import('../fixtures/verifiers/express-app.js')) as { app: Express };
    delete process.env['ISSUER'];
    server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    orders = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`;
  });
  afterEach(() => void jest.restoreAllMocks());
  afterAll(async () => {
    server?.close();
    await issuer?.close();
  });

  function get(headers: Record<string, string>) {
    return call(orders, { method: 'GET', headers });
  }

  it('is short enough to be read', () => {
    expect(region(EXPRESS_APP).split('\n').length).toBeLessThanOrEqual(25);
  });

  it('says 503, and signs nobody out, while it has no keys yet and cannot get them', async () => {
    const token = await issuer.token();
    issuer.address.leadTo();
    const answer = await get(bearer(token));
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    issuer.address.leadTo(issuer.service.url);
    expect((await get(bearer(token))).status).toBe(200);
  });

  it("accepts a login's and a refresh's access token", async () => {
    const session = await signIn(issuer.service.url, 'bob');
    const { access_token } = await refreshed(issuer.service.url, session.refresh_token);
    for (const token of [session.access_token, access_token]) {
      expect(json(await get(bearer(token)))).toEqual({ ...decoded(token).claims, sub: 'bob' });
    }
  });

  it('goes on offline', async () => {
    const token = await issuer.token();
    await get(bearer(token));
    issuer.address.leadTo();
    expect((await get(bearer(token))).status).toBe(200);
    expect((await get(bearer('a.b.c'))).status).toBe(401);
    issuer.address.leadTo(issuer.service.url);
  });

  it('knows no token from a bad one', async () => {
    for (const headers of [{}, { authorization: 'Basic eDp5' }, { authorization: 'Bearer' }] as Record<
      string,
      string
    >[]) {
      const { status, headers: answered } = await get(headers);
      expect([status, answered['www-authenticate']]).toEqual([401, 'Bearer']);
    }
  });

  it.each(forged)('refuses a token $name', async ({ make }) => {
    const { status, headers } = await get(bearer(make(await issuer.token(), issuer.signing)));
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer error="invalid_token"']);
  });

  it('refuses a refresh token', async () => {
    const { refresh_token } = await signIn(issuer.service.url);
    expect((await get(bearer(refresh_token))).status).toBe(401);
  });

  it('follows the keys as they roll, and still takes the tokens of the old one', async () => {
    const before = await issuer.token();
    await issuer.rollKeys();
    const after = await issuer.token();
    expect(decoded(after).header['kid']).toBe('new');
    // jose asks for the keys again once in 30 s; a new key is published for longer before it signs.
    const later = Date.now() + MINUTE;
    jest.spyOn(Date, 'now').mockReturnValue(later);
    for (const token of [after, before]) expect((await get(bearer(token))).status).toBe(200);
  });
});

describePython("The README's Python with PyJWT", () => {
  let issuer: Issuer;
  let script: PythonProcess<Verdict>;

  beforeAll(async () => {
    issuer = await Issuer.start();
    script = new PythonProcess<Verdict>(PYTHON_SCRIPT, { ISSUER: issuer.address.url });
  });
  afterAll(async () => {
    await script?.stop();
    await issuer?.close();
  });

  it('is short enough to be read', () => {
    expect(region(PYTHON_SCRIPT).split('\n').length).toBeLessThanOrEqual(20);
  });

  it('says 503, and signs nobody out, while it has no keys yet and cannot get them', async () => {
    const token = await issuer.token();
    issuer.address.leadTo();
    expect(await script.ask(token)).toEqual({ status: 503 });
    issuer.address.leadTo(issuer.service.url);
    expect(await script.ask(token)).toMatchObject({ status: 200 });
  });

  it("accepts a login's and a refresh's access token", async () => {
    const session = await signIn(issuer.service.url, 'bob');
    const { access_token } = await refreshed(issuer.service.url, session.refresh_token);
    for (const token of [session.access_token, access_token]) {
      expect(await script.ask(token)).toEqual({ status: 200, claims: decoded(token).claims });
    }
  });

  it('goes on offline', async () => {
    const token = await issuer.token();
    await script.ask(token);
    issuer.address.leadTo();
    expect(await script.ask(token)).toMatchObject({ status: 200 });
    expect(await script.ask('a.b.c')).toEqual({ status: 401 });
    issuer.address.leadTo(issuer.service.url);
  });

  // PyJWT knows no `crit` and reads numbers from text; nobody but the service can sign a token that has them.
  it.each(forged.filter(({ name }) => !/critical|not encoded|(?:exp|nbf) is a text/.test(name)))(
    'refuses a token $name',
    async ({ make }) => {
      expect(await script.ask(make(await issuer.token(), issuer.signing))).toEqual({ status: 401 });
    },
  );

  it('refuses a refresh token', async () => {
    expect(await script.ask((await signIn(issuer.service.url)).refresh_token)).toEqual({ status: 401 });
  });

  it('follows the keys as they roll, and still takes the tokens of the old one', async () => {
    const before = await issuer.token();
    await issuer.rollKeys();
    const after = await issuer.token();
    expect(decoded(after).header['kid']).toBe('new');
    for (const token of [after, before]) expect(await script.ask(token)).toMatchObject({ status: 200 });
  });
});
