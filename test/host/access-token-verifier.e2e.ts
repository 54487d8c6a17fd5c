import type { JsonWebKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  AccessTokenVerifier,
  InvalidAccessTokenError,
  RefreshTokenService,
  type AccessTokenClaims,
  type AccessTokenOptions,
} from 'nest-refresh-token';
import { forgedAccessTokens } from '../support/http/forged-access-tokens.js';
import { provided, startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import { decoded, jwt, rsa, type Signer } from '../support/http/jwt.js';
import { ALGORITHMS, HOST_ISSUER, jwkOf, keyPair, signed, signing, type Signing } from '../support/http/signing.js';
import { HOUR, SECOND } from '../support/test-clock.js';
import { limit } from '../support/time.js';

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

describe.each(ALGORITHMS)('AccessTokenVerifier with %s', (algorithm) => {
  let keys: Signing;
  let host: GuardedHost;
  let verifier: AccessTokenVerifier;
  let good: string;
  let claims: Record<string, unknown>;

  beforeAll(async () => {
    keys = signing(algorithm);
    host = await startGuardedHost({ options: { accessToken: keys.options } });
    verifier = provided(host, AccessTokenVerifier);
    good = await issue();
    claims = decoded(good).claims;
  });
  afterAll(() => host?.close());

  async function issue(subject = 'alice'): Promise<string> {
    const issued = { subject, claims: { tenant: 'acme' }, scope: 'orders:read orders:write', clientId: 'web' };
    return (await provided(host, RefreshTokenService).issue(issued)).access_token;
  }

  /** Like the good one, but for these; signed with the key that signs. */
  function like(change: { header?: object; claims?: object }): string {
    return signed(keys, { ...decoded(good).header, ...change.header }, { ...claims, ...change.claims });
  }

  it('returns the claims, the registered and the own', async () => {
    const verified = await verifier.verify<{ tenant: string }>(good);
    const tenant: string = verified.tenant;
    // @ts-expect-error A claim that nobody has named is unknown.
    const other: string = (await verifier.verify(good)).tenant;
    expect([tenant, other]).toEqual(['acme', 'acme']);
    expect(verified).toEqual({
      iss: HOST_ISSUER,
      aud: HOST_ISSUER,
      sub: 'alice',
      sid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      iat: host.clock.now() / SECOND,
      auth_time: host.clock.now() / SECOND,
      exp: (host.clock.now() + HOUR) / SECOND,
      jti: expect.any(String),
      scope: 'orders:read orders:write',
      client_id: 'web',
      tenant: 'acme',
    });
  });

  it.each([
    ['itself, signed anew', {}],
    ['typ in capitals', { header: { typ: 'AT+JWT' } }],
    ['typ as a media type', { header: { typ: 'application/at+jwt' } }],
    ['an audience of several', { claims: { aud: ['https://other.example.com', HOST_ISSUER] } }],
    ['nbf now', { claims: { nbf: Date.UTC(2026, 0, 1) / SECOND } }],
    ['no scope and no client', { claims: { scope: undefined, client_id: undefined } }],
    ['a header nobody knows', { header: { x: 1 } }],
  ])('accepts a token with %s', async (_, change) => {
    expect(await verifier.verify(like(change))).toMatchObject({ sub: 'alice', tenant: 'acme' });
  });

  describe('refuses a token', () => {
    it.each(forgedAccessTokens(algorithm))('$name', async ({ make, reason }) => {
      await expectRefused(verifier.verify(make(good, keys)), reason);
    });

    it.each([undefined, null, 1, '', {}, Buffer.from('x')])('that is %p', async (value) => {
      // What a host's JavaScript may hand over.
      await expectRefused(verifier.verify(value as unknown as string), 'malformed');
    });

    it('that cannot be read in a reasonable time, at once', async () => {
      const startedAt = performance.now();
      await expectRefused(verifier.verify(`${'e'.repeat(50_000_000)}.x.x`), 'malformed');
      await expectRefused(verifier.verify('.'.repeat(50_000_000)), 'malformed');
      expect(performance.now() - startedAt).toBeLessThan(limit(350));
    });

    it('and names no part of it in the error', async () => {
      const error = await verifier.verify(like({ claims: { aud: 'https://x.example.com' } })).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'invalid_token', message: 'The access token was refused: wrong_claims.' });
      expect((error as Error).cause).toBeUndefined();
    });
  });

  it('accepts it until the second it expires in, and not at that second', async () => {
    const expiresAt = Number(claims['exp']) * SECOND;
    const startedAt = host.clock.now();
    try {
      host.clock.set(expiresAt - 1);
      expect(await verifier.verify(good)).toMatchObject({ sub: 'alice' });
      host.clock.set(expiresAt);
      await expectRefused(verifier.verify(good), 'expired');
    } finally {
      host.clock.set(startedAt);
    }
  });

  describe('finds in whatever is made of a token', () => {
    it('by changing one character to any other, its claims or none', async () => {
      const place = fc.nat(good.length - 1);
      const character = fc.oneof(
        fc.constantFrom(...BASE64URL),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      );
      await fc.assert(
        fc.asyncProperty(place, character, async (at, other) => {
          const changed = good.slice(0, at) + other + good.slice(at + 1);
          const found = await claimsOf(changed);
          // What was signed are the first two parts as they are spelled.
          const signature = good.lastIndexOf('.') + 1;
          if (changed !== good && at < signature) expect(found).toBeUndefined();
          if (found) expect(found).toEqual(claims);
        }),
        { numRuns: 1_500 },
      );
    });

    it('by changing its last character, which has bits to spare, its claims or none', async () => {
      for (const character of BASE64URL) {
        expect([undefined, claims]).toContainEqual(await claimsOf(good.slice(0, -1) + character));
      }
    });

    it('by mixing it with another, the claims of one of them or none', async () => {
      const other = await issue('bob');
      const theirs = decoded(other).claims;
      const [ours, bobs] = [good.split('.'), other.split('.')];
      for (let mix = 1; mix < 7; mix += 1) {
        const mixed = ours.map((part, at) => (mix & (1 << at) ? bobs[at] : part)).join('.');
        // Their headers are the same.
        const expected = [mixed === good ? claims : undefined, mixed === other ? theirs : undefined].find(Boolean);
        expect(await claimsOf(mixed)).toEqual(expected);
      }
    });
  });

  async function claimsOf(token: string): Promise<AccessTokenClaims | undefined> {
    try {
      return await verifier.verify(token);
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidAccessTokenError);
      return undefined;
    }
  }
});

describe('AccessTokenVerifier', () => {
  const keys = signing('ES256');

  /** Runs against a host with these options beside its keys. */
  async function withOptions(
    options: Partial<AccessTokenOptions>,
    work: (verifier: AccessTokenVerifier, host: GuardedHost) => Promise<void>,
  ): Promise<void> {
    const accessToken = { ...keys.options, ...options } as AccessTokenOptions;
    const host = await startGuardedHost({ options: { accessToken } });
    try {
      await work(provided(host, AccessTokenVerifier), host);
    } finally {
      await host.close();
    }
  }

  it('bears with a clock that is off by the tolerance, and not by more', async () => {
    await withOptions({ clockTolerance: 30, ttl: '10m' }, async (verifier, host) => {
      const token = await issueAt(host);
      const { header, claims } = decoded(token);
      const expiresAt = Number(claims['exp']) * SECOND;
      host.clock.set(expiresAt + 30 * SECOND - 1);
      expect(await verifier.verify(token)).toMatchObject({ sub: 'alice' });
      host.clock.set(expiresAt + 30 * SECOND);
      await expectRefused(verifier.verify(token), 'expired');

      const now = Number(claims['iat']);
      host.clock.set(now * SECOND);
      const notYet = (nbf: number) => verifier.verify(signed(keys, header, { ...claims, nbf }));
      expect(await notYet(now + 30)).toMatchObject({ sub: 'alice' });
      await expectRefused(notYet(now + 31), 'wrong_claims');
    });
  });

  it('takes a token for any of its own audiences, and for no other', async () => {
    const audience = ['https://api.example.com', 'https://admin.example.com'];
    await withOptions({ audience }, async (verifier, host) => {
      const token = await issueAt(host);
      const { header, claims } = decoded(token);
      const verifyFor = (aud: unknown) => verifier.verify(signed(keys, header, { ...claims, aud }));
      expect(await verifier.verify(token)).toMatchObject({ aud: audience });
      expect(await verifyFor('https://admin.example.com')).toMatchObject({ sub: 'alice' });
      await expectRefused(verifyFor(HOST_ISSUER), 'wrong_claims');
      await expectRefused(verifyFor(audience.join(' ')), 'wrong_claims');
    });
  });

  it('goes by the key for the algorithm, where keys of several kinds are published', async () => {
    const rsaKey = keyPair('RS256');
    const mixed = [keys.keys[0] as JsonWebKey, jwkOf(rsaKey, 'rsa')];
    await withOptions({ keys: mixed }, async (verifier, host) => {
      const { header, claims } = decoded(await issueAt(host));
      const verify = (change: object, sign: Signer) => verifier.verify(jwt({ ...header, ...change }, claims, sign));
      expect(await verify({ alg: 'RS256', kid: 'rsa' }, rsa(rsaKey))).toMatchObject({ sub: 'alice' });
      await expectRefused(verify({ alg: 'RS256' }, rsa(rsaKey)), 'bad_signature');
      await expectRefused(verify({ kid: 'rsa' }, keys.sign), 'bad_signature');
      await expectRefused(verify({ alg: 'ES256', kid: 'rsa' }, rsa(rsaKey)), 'bad_signature');
    });
  });

  it('refuses the tokens of another host, with keys of its own', async () => {
    await withOptions({ keys: signing('ES256').keys }, async (_, other) => {
      await withOptions({}, async (verifier) => {
        await expectRefused(verifier.verify(await issueAt(other)), 'bad_signature');
      });
    });
  });
});

async function issueAt(host: GuardedHost): Promise<string> {
  return (await provided(host, RefreshTokenService).issue({ subject: 'alice' })).access_token;
}

async function expectRefused(verification: Promise<unknown>, reason: string): Promise<void> {
  const error: unknown = await verification.then(
    (claims) => claims,
    (refusal: unknown) => refusal,
  );
  expect(error).toBeInstanceOf(InvalidAccessTokenError);
  expect(error).toMatchObject({ code: 'invalid_token', reason });
}
