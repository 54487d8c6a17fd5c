import { describe, expect, it } from '@jest/globals';
import { ACCESS_TOKEN_TYPE, isAccessToken, isAccessTokenType, jwtHeader } from './access-token.type.js';

const encoded = (text: string) => Buffer.from(text).toString('base64url');
const jwt = (header: unknown) => `${encoded(JSON.stringify(header))}.${encoded('{"sub":"alice"}')}.c2lnbmF0dXJl`;

describe('jwtHeader', () => {
  it('reads the header, and nothing of the rest', () => {
    const header = { alg: 'ES256', typ: 'at+jwt', kid: 'key-1' };

    expect(jwtHeader(jwt(header))).toEqual(header);
    expect(jwtHeader(`${encoded(JSON.stringify(header))}.not JSON.`)).toEqual(header);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['a refresh token', 'rt_WgABAgMEBQYHCAkKCwwNDg8Bm3baqABrvY1eI-PAFZfBrDtPv9Xz4JnZ_kgI'],
    ['dots', '..'],
    ['a header alone', encoded('{"typ":"at+jwt"}')],
    ['two parts', jwt({}).split('.', 2).join('.')],
    ['four parts', `${jwt({})}.more`],
    ['the five parts of a JWE', `${jwt({ enc: 'A256GCM' })}.ciphertext.tag`],
    ['a header that is no JSON', `${encoded('typ: at+jwt')}.e30.c2ln`],
    ['a header that is cut off', `${encoded('{"typ":"at+jwt"')}.e30.c2ln`],
    ['a header in clear', '{"typ":"at+jwt"}.e30.c2ln'],
    ['a header that is null', `${encoded('null')}.e30.c2ln`],
    ['a header that is text', `${encoded('"at+jwt"')}.e30.c2ln`],
    ['a header that is a number', `${encoded('5')}.e30.c2ln`],
  ])('finds none in %s', (_, text) => {
    expect(jwtHeader(text)).toBeUndefined();
  });
});

describe('isAccessTokenType', () => {
  it.each([ACCESS_TOKEN_TYPE, 'at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/AT+jwt'])(
    'takes %s for the type of an access token (RFC 9068 §4)',
    (typ) => {
      expect(isAccessTokenType(typ)).toBe(true);
    },
  );

  it.each([
    undefined,
    null,
    '',
    'JWT',
    'jwt',
    'at',
    'at-jwt',
    'at jwt',
    'rt+jwt',
    'at+jwt ',
    'at+jwt\n',
    ' at+jwt',
    'at+jwtx',
    'xat+jwt',
    'text/at+jwt',
    'application/jwt',
    'application/application/at+jwt',
    ['at+jwt'],
    { typ: 'at+jwt' },
  ])('does not take %j for it', (typ) => {
    expect(isAccessTokenType(typ)).toBe(false);
  });
});

describe('isAccessToken', () => {
  it('is what says so of itself, be it proved or not', () => {
    expect(isAccessToken(jwt({ typ: 'at+jwt', alg: 'none' }))).toBe(true);
    expect(isAccessToken(jwt({ typ: 'application/AT+JWT', alg: 'ES256' }))).toBe(true);
  });

  it.each<[string, string]>([
    ["a host's own JWT", jwt({ typ: 'JWT', alg: 'HS256' })],
    ['a JWT without a type', jwt({ alg: 'HS256' })],
    ['a JWT whose claims have the type', `${encoded('{}')}.${encoded('{"typ":"at+jwt"}')}.c2ln`],
    ['a list', jwt(['typ', 'at+jwt'])],
    ['an opaque token', 'f47ac10b-58cc-4372-a567-0e02b2c3d479'],
    ['nothing', ''],
  ])('is not %s', (_, text) => {
    expect(isAccessToken(text)).toBe(false);
  });
});
