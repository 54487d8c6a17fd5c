import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { describe, expect, it, jest } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { type AccessTokenOptions } from '../options/auth.options.js';
import { resolveAuthOptions } from '../options/resolve-options.js';
import { generateSigningKey } from '../keys/key-generation.js';
import { signingKeys, type SigningKey } from '../keys/signing-key.js';
import { KeyRing } from '../key-ring/key-ring.js';
import { SystemRandomSource } from '../runtime/random.js';
import type { Session } from '../session/session.js';
import { AccessTokenIssuer } from './access-token.issuer.js';

const ISSUER = 'https://auth.example.com';
const AUDIENCE = 'https://api.example.com';
const HS256_SECRET = 'the-secret-that-the-host-verifies-with';
/** 2026-01-01, and 400 ms that no token can tell. */
const NOW = 1_767_225_600_400;
const NOW_IN_SECONDS = 1_767_225_600;
const DAY = 86_400_000;

const ecKey = () => createPrivateKey({ key: generateSigningKey(), format: 'jwk' });
const [ec, otherEc] = [ecKey(), ecKey()];
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
const jwk = (key: KeyObject, kid: string) => ({ ...key.export({ format: 'jwk' }), kid });
const es256: KeyOptions = { keys: [jwk(ec, 'ec-1'), jwk(rsa, 'rsa-1')] };

type KeyOptions = { keys: AccessTokenKeys } | { algorithm: 'HS256'; secret: string };
type AccessTokenKeys = Extract<AccessTokenOptions, { keys: unknown }>['keys'];

const session: Session = {
  id: 'd6eab31b-9562-f2e2-1cb3-e3fd08358789',
  subject: 'alice',
  clientId: null,
  scope: null,
  claims: null,
  used: 0,
  issued: NOW,
  floor: 0,
  createdAt: NOW - 5_000,
  lastUsedAt: NOW,
  expiresAt: NOW + 30 * DAY,
  revokedAt: null,
  recovered: 0,
  label: null,
  userAgent: null,
  ip: null,
};

type CommonOptions = { audience?: string | string[]; ttl?: string };

function issuer(keys: KeyOptions = es256, common: CommonOptions = {}): AccessTokenIssuer {
  return issuerWithRing(keys, common).issuer;
}

function issuerWithRing(keys: KeyOptions, common: CommonOptions = {}): { issuer: AccessTokenIssuer; ring: KeyRing } {
  const options = {
    refreshToken: { secrets: ['the-first-secret-of-the-tests-0123456789'] },
    accessToken: { issuer: ISSUER, audience: AUDIENCE, ...common, ...keys },
  };
  const resolved = resolveAuthOptions(options, NOW);
  const ring = new KeyRing(resolved);
  return { issuer: new AccessTokenIssuer(new JwtService({}), new SystemRandomSource(), ring, resolved), ring };
}

function claimsFor(changes: Partial<Session>, now = NOW): Record<string, unknown> {
  return decodeJwt(issuer().issue({ ...session, ...changes }, now).token);
}

describe('AccessTokenIssuer', () => {
  it.each<[string, KeyOptions, KeyObject | Uint8Array, string | undefined]>([
    ['ES256', es256, createPublicKey(ec), 'ec-1'],
    ['RS256', { keys: [jwk(rsa, 'rsa-1'), jwk(ec, 'ec-1')] }, createPublicKey(rsa), 'rsa-1'],
    ['HS256', { algorithm: 'HS256', secret: HS256_SECRET }, new TextEncoder().encode(HS256_SECRET), undefined],
  ])('signs %s with the first key, as a token of RFC 9068', async (algorithm, keys, verificationKey, keyId) => {
    const { token } = issuer(keys).issue(session, NOW);
    const { protectedHeader, payload } = await jwtVerify(token, verificationKey, {
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: 'at+jwt',
      algorithms: [algorithm],
      currentDate: new Date(NOW),
    });

    expect(protectedHeader).toEqual({ alg: algorithm, typ: 'at+jwt', ...(keyId !== undefined && { kid: keyId }) });
    expect(payload.sub).toBe('alice');
  });

  it('signs with other keys as soon as they are in the ring, under a name that stood there before too', async () => {
    const { issuer: running, ring } = issuerWithRing({ keys: [jwk(ec, 'key-1')] });
    const { token: before } = running.issue(session, NOW);
    await jwtVerify(before, createPublicKey(ec), { currentDate: new Date(NOW) });

    const [other] = signingKeys({ keys: [jwk(otherEc, 'key-1')] }) as [SigningKey];
    ring.takeSigningKeys({ all: [other], inUse: other, changesAt: Infinity, change: async () => undefined });
    const { token } = running.issue(session, NOW);
    expect(decodeProtectedHeader(token).kid).toBe('key-1');
    await jwtVerify(token, createPublicKey(otherEc), { currentDate: new Date(NOW) });
  });

  it.each([
    [
      'the-secret-of-thirty-one-bytes!',
      ['accessToken.secret: got 31 bytes, takes at least 32: a shorter one can be guessed from a token.'],
    ],
    ['the-secret-of-thirty-two-bytes!!', []],
  ])('warns of a secret that is too short, and signs with it: the host trusts it already', async (secret, warnings) => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const { token } = issuer({ algorithm: 'HS256', secret }).issue(session, NOW);

    expect(warn.mock.calls.map(([message]) => message as string)).toEqual(warnings);
    warn.mockRestore();
    await jwtVerify(token, new TextEncoder().encode(secret), { currentDate: new Date(NOW) });
  });

  it('says what the session is, and nothing that is not known', () => {
    expect(claimsFor({})).toEqual({
      iss: ISSUER,
      sub: 'alice',
      aud: AUDIENCE,
      exp: NOW_IN_SECONDS + 3_600,
      iat: NOW_IN_SECONDS,
      jti: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      sid: 'd6eab31b-9562-f2e2-1cb3-e3fd08358789',
      auth_time: NOW_IN_SECONDS - 5,
    });
  });

  it('says nothing of the device, which is between the user and the list of sessions', () => {
    const { jti: _jti, ...said } = claimsFor({ label: 'my phone', userAgent: 'Firefox/140.0', ip: '203.0.113.7' });
    const { jti: _otherJti, ...plain } = claimsFor({});

    expect(said).toEqual(plain);
  });

  it('says client and scope where the session has them', () => {
    expect(claimsFor({ clientId: 'web app', scope: 'read write' })).toMatchObject({
      client_id: 'web app',
      scope: 'read write',
    });
  });

  it('names several audiences as a list', () => {
    const { token } = issuer(es256, { audience: ['urn:a', 'urn:b'] }).issue(session, NOW);

    expect(decodeJwt(token).aud).toEqual(['urn:a', 'urn:b']);
  });

  it("carries the host's claims beside its own", () => {
    const claims = { roles: ['admin'], tenant: { id: 7 }, active: false, plan: null, typ: 'x', alg: 'none', kid: 'x' };
    const { token } = issuer().issue({ ...session, claims }, NOW);

    expect(decodeJwt(token)).toMatchObject(claims);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: 'ec-1' });
  });

  it("never lets the host's claims overwrite a registered one that it sets", () => {
    const whole = { clientId: 'web', scope: 'read' };
    const names = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'sid', 'auth_time', 'client_id', 'scope'];
    // As a hand that wrote to the database might have it.
    const claims = Object.fromEntries(names.map((name) => [name, 'forged']));
    const said = claimsFor({ ...whole, claims });

    expect(said['jti']).not.toBe('forged');
    expect({ ...said, jti: 'any' }).toEqual({ ...claimsFor(whole), jti: 'any' });
  });

  it('has a new jti each time', () => {
    const tokens = Array.from({ length: 50 }, () => claimsFor({})['jti']);

    expect(new Set(tokens).size).toBe(50);
  });

  it.each<[string, Partial<Session>, number]>([
    ['its own life', {}, 3_600],
    ["the session's end", { expiresAt: NOW + 90_000 }, 90],
    ["the session's end, to the whole second before it", { expiresAt: NOW + 90_999 }, 90],
    ['the last second', { expiresAt: NOW + 1_000 }, 1],
    ['less than a second', { expiresAt: NOW + 999 }, 0],
  ])('lives for %s', (_, changes, seconds) => {
    const { token, expiresIn } = issuer().issue({ ...session, ...changes }, NOW);
    const { exp, iat } = decodeJwt(token);

    expect(expiresIn).toBe(seconds);
    expect((exp as number) - (iat as number)).toBe(seconds);
    expect((exp as number) * 1_000).toBeLessThanOrEqual(changes.expiresAt ?? session.expiresAt);
  });

  it('never outlives the session, whatever its own life', () => {
    const { expiresIn, token } = issuer(es256, { ttl: '1000d' }).issue(session, NOW);

    expect(expiresIn).toBe(2_592_000);
    expect(decodeJwt(token).exp).toBe(NOW_IN_SECONDS + 2_592_000);
  });

  it('is refused from its last second on', async () => {
    const { token } = issuer().issue(session, NOW);
    const verifyAt = (seconds: number) =>
      jwtVerify(token, createPublicKey(ec), { currentDate: new Date(seconds * 1_000) });

    await expect(verifyAt(NOW_IN_SECONDS + 3_599)).resolves.toBeDefined();
    await expect(verifyAt(NOW_IN_SECONDS + 3_600)).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' });
  });
});
