import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { InvalidRefreshTokenError, type RefusalReason } from '../auth.errors.js';
import { type AuthModuleOptions } from '../options/auth.options.js';
import { resolveAuthOptions } from '../options/resolve-options.js';
import { KeyRing } from '../key-ring/key-ring.js';
import { RefreshTokenCodec } from './refresh-token.codec.js';
import { RefreshToken } from './refresh-token.js';
import { tokenSecret, type TokenSecret } from '../keys/token-secret.js';

const FIRST = 'a-secret-of-thirty-two-characters';
const SECOND = 'the-second-secret-of-the-tests-0123456789';
const THIRD = 'the-third-secret-of-the-tests-0123456789';
const HANDLE = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const MINTED_AT = 1_767_225_600_000;
/** Secret `FIRST`, handle `HANDLE`, number `MINTED_AT`; computed with another HKDF and HMAC than Node's. */
const TOKEN = 'rt_WgABAgMEBQYHCAkKCwwNDg8Bm3baqABrvY1eI-PAFZfBrDtPv9Xz4JnZ_kgI';
const SESSION_ID = 'd6eab31b-9562-f2e2-1cb3-e3fd08358789';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const NOT_IN_THE_ALPHABET = ['+', '/', '=', '.', ' ', '\n', '\0', 'é'];

function codec(secrets: string[], prefix?: string): RefreshTokenCodec {
  return codecWithRing(secrets, prefix).codec;
}

function codecWithRing(secrets: string[], prefix?: string): { codec: RefreshTokenCodec; ring: KeyRing } {
  const options: AuthModuleOptions = {
    refreshToken: { secrets, prefix },
    accessToken: { issuer: 'https://auth.example.com', algorithm: 'HS256', secret: 'hs256' },
  };
  const resolved = resolveAuthOptions(options, MINTED_AT);
  const ring = new KeyRing(resolved);
  return { codec: new RefreshTokenCodec(ring, resolved), ring };
}

/** Why a text is no token; `undefined` where it is one. */
function refusalOf(text: string, by = codec([FIRST])): RefusalReason | undefined {
  try {
    by.decode(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidRefreshTokenError)) throw error;
    return error.reason;
  }
}

function withCharacter(text: string, position: number, character: string): string {
  return text.slice(0, position) + character + text.slice(position + 1);
}

describe('RefreshTokenCodec', () => {
  it('makes the token that everybody makes of the same secret, handle and number', () => {
    expect(codec([FIRST]).encode(new RefreshToken(HANDLE, MINTED_AT), tokenSecret(FIRST))).toBe(TOKEN);
  });

  it('reads back the session and the number it was made with', () => {
    const token = codec([FIRST]).decode(TOKEN);

    expect({ sessionId: token.sessionId, number: token.number }).toEqual({ sessionId: SESSION_ID, number: MINTED_AT });
    expect(token.handle()).toEqual(HANDLE);
  });

  it.each([0, 1, 255, 2 ** 32, MINTED_AT, 2 ** 48 - 1])(
    'carries the number %d, and 60 base64url characters',
    (number) => {
      const text = codec([FIRST]).encode(new RefreshToken(HANDLE, number), tokenSecret(FIRST));

      expect(text).toMatch(/^rt_[A-Za-z0-9_-]{60}$/);
      expect(codec([FIRST]).decode(text).number).toBe(number);
    },
  );

  it.each([2 ** 48, -1])('makes no token of a number that has no room, %d', (number) => {
    expect(() => codec([FIRST]).encode(new RefreshToken(HANDLE, number), tokenSecret(FIRST))).toThrow(/out of range/);
  });

  it('refuses every change of one character', () => {
    const accepted: string[] = [];
    for (let position = 0; position < TOKEN.length; position += 1) {
      for (const character of [...ALPHABET, ...NOT_IN_THE_ALPHABET]) {
        const changed = withCharacter(TOKEN, position, character);
        if (changed !== TOKEN && refusalOf(changed) === undefined) accepted.push(changed);
      }
    }
    expect(accepted).toEqual([]);
  });

  it('tells a changed handle, number or tag from a secret that it does not know', () => {
    const decoder = codec([FIRST]);
    // The first two characters hold the secret's id, and four bits of the handle.
    expect(refusalOf(withCharacter(TOKEN, 3, 'X'), decoder)).toBe('unknown_secret');
    expect(refusalOf(withCharacter(TOKEN, 5, 'X'), decoder)).toBe('bad_mac');
    expect(refusalOf(withCharacter(TOKEN, 27, 'X'), decoder)).toBe('bad_mac');
    expect(refusalOf(withCharacter(TOKEN, 62, 'X'), decoder)).toBe('bad_mac');
  });

  it('refuses every other length', () => {
    const decoder = codec([FIRST]);
    for (let length = 0; length < TOKEN.length; length += 1) {
      expect(refusalOf(TOKEN.slice(0, length), decoder)).toBe('malformed');
    }
    for (const more of ['A', '=', '==', 'AAAA', ' ', '\n', '\0', TOKEN]) {
      expect(refusalOf(TOKEN + more, decoder)).toBe('malformed');
      expect(refusalOf(more + TOKEN, decoder)).toBe('malformed');
    }
  });

  it.each([undefined, null, 5, {}, [TOKEN]])('refuses what is no text: %j', (value) => {
    expect(refusalOf(value as string)).toBe('malformed');
  });

  it.each(['RT_', 'rt-', 'at_', '', 'rt_rt_', ' rt_'])('refuses the prefix "%s"', (prefix) => {
    expect(refusalOf(prefix + TOKEN.slice(3))).toBe('malformed');
  });

  it.each(['', 'acme-refresh_'])('takes the prefix "%s" where the host has set it, and no other', (prefix) => {
    const decoder = codec([FIRST], prefix);
    const text = decoder.encode(new RefreshToken(HANDLE, MINTED_AT), tokenSecret(FIRST));

    expect(text).toBe(prefix + TOKEN.slice(3));
    expect(decoder.decode(text).sessionId).toBe(SESSION_ID);
    expect(refusalOf(TOKEN, decoder)).toBe('malformed');
  });

  it('refuses the standard alphabet of base64 for the same bytes', () => {
    const inOtherAlphabet = `rt_${Buffer.from(TOKEN.slice(3), 'base64url').toString('base64')}`;

    expect(inOtherAlphabet).toHaveLength(TOKEN.length);
    expect(refusalOf(inOtherAlphabet)).toBe('malformed');
  });

  describe('with several secrets', () => {
    const several = codec([FIRST, SECOND, THIRD]);

    it.each([FIRST, SECOND, THIRD])('makes tokens with the one that is named, and takes them: %s', (secret) => {
      const text = several.encode(new RefreshToken(HANDLE, MINTED_AT), tokenSecret(secret));

      expect(text).toBe(codec([secret]).encode(new RefreshToken(HANDLE, MINTED_AT), tokenSecret(secret)));
      expect(several.decode(text).sessionId).toBe(SESSION_ID);
    });

    it('refuses the tokens of one that is not among them', () => {
      const text = several.encode(new RefreshToken(HANDLE, MINTED_AT), tokenSecret(THIRD));

      expect(refusalOf(text, codec([FIRST, SECOND]))).toBe('unknown_secret');
    });

    it('refuses a token that names another of them than the one that made it', () => {
      const bytes = Buffer.from(TOKEN.slice(3), 'base64url');
      bytes[0] = tokenSecret(SECOND).id;

      expect(refusalOf(`rt_${bytes.toString('base64url')}`, several)).toBe('bad_mac');
    });
  });

  describe('with secrets that change while it runs', () => {
    function take(ring: KeyRing, all: readonly TokenSecret[]): void {
      ring.takeSecrets({ all, inUse: ring.secret, changesAt: Infinity, change: async () => undefined });
    }

    const token = (secret: TokenSecret) => codec([FIRST]).encode(new RefreshToken(HANDLE, MINTED_AT), secret);

    it('takes the tokens of an added one as soon as it is in the ring, and those of the others still', () => {
      const { codec: running, ring } = codecWithRing([FIRST]);
      const added = tokenSecret(SECOND);
      expect(refusalOf(token(added), running)).toBe('unknown_secret');

      take(ring, [added, ...ring.secrets]);
      expect(running.decode(token(added)).sessionId).toBe(SESSION_ID);
      expect(running.decode(TOKEN).sessionId).toBe(SESSION_ID);
    });

    it('refuses the tokens of one that was taken away as soon as it is out of the ring', () => {
      const { codec: running, ring } = codecWithRing([SECOND, FIRST]);
      expect(refusalOf(TOKEN, running)).toBeUndefined();

      take(ring, [tokenSecret(SECOND)]);
      expect(refusalOf(TOKEN, running)).toBe('unknown_secret');
    });
  });
});

describe('RefreshToken', () => {
  const token = new RefreshToken(HANDLE, MINTED_AT);

  it('names its session by a hash in the shape of a UUID', () => {
    expect(token.sessionId).toBe(SESSION_ID);
    expect(token.sessionId.replaceAll('-', '')).not.toContain(HANDLE.toString('hex').slice(0, 8));
  });

  it('names the same session whatever its number, and another for another handle', () => {
    expect(token.withNumber(5).sessionId).toBe(SESSION_ID);
    expect(token.withNumber(5).number).toBe(5);
    expect(new RefreshToken(Buffer.alloc(16), MINTED_AT).sessionId).not.toBe(SESSION_ID);
  });

  it.each([
    ['JSON', JSON.stringify(token)],
    ['the inspector', inspect(token, { showHidden: true, depth: null })],
    ['its enumerable properties', inspect({ ...token })],
    ['its text', String(token)],
  ])('shows no handle in %s', (_, shown) => {
    for (const handle of [
      HANDLE.toString('hex'),
      HANDLE.toString('base64url'),
      '00 01 02',
      '0, 1, 2',
      '0,1,2',
      'data',
    ]) {
      expect(shown).not.toContain(handle);
    }
  });
});
