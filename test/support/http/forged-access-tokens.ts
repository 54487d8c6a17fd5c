import { constants, generateKeyPairSync, sign as signWith, type KeyObject } from 'node:crypto';
import type { AccessTokenRefusal } from 'nest-refresh-token';
import { decoded, ecdsa, hmac, jwt, rsa, unsigned, type Signer } from './jwt.js';
import { strangersSigner, type Algorithm, type Signing } from './signing.js';

/** A token that is presented and not good, and why it isn't. */
export interface ForgedToken {
  readonly name: string;
  readonly reason: AccessTokenRefusal;
  /**
   * Made of a good token, which says what its header and claims have to be.
   * @param strangersUrl where somebody has keys that nobody is to ask for
   */
  make(good: string, signing: Signing, strangersUrl?: string): string;
}

interface Forger extends ReturnType<typeof decoded> {
  readonly signing: Signing;
  readonly good: string;
  readonly strangersUrl: string;
  /** The good token's own three parts. */
  readonly parts: readonly [string, string, string];
  /** The good token with another header, claim or signature. */
  with(change: { header?: object; claims?: object; sign?: Signer }): string;
}

type Recipes = Record<string, readonly [AccessTokenRefusal, (forger: Forger) => string]>;

const NOT_TOKENS: Recipes = {
  'that is nonsense': ['malformed', () => 'nonsense'],
  'of three words': ['malformed', () => 'a.b.c'],
  'of dots': ['malformed', () => '..'],
  'that is a refresh token': ['malformed', () => `rt_${'A'.repeat(60)}`],
  'without its signature and its dot': ['malformed', ({ parts: [header, payload] }) => `${header}.${payload}`],
  'without its header': ['malformed', ({ parts: [, payload, signature] }) => `.${payload}.${signature}`],
  'with a fourth part': ['malformed', ({ good }) => `${good}.x`],
  'with an empty fourth part': ['malformed', ({ good }) => `${good}.`],
  'with the parts of an encrypted one': ['malformed', ({ good }) => `${good}.x.x`],
  'whose header is null': ['malformed', ({ signing, claims }) => jwt('null', claims, signing.sign)],
  'whose header is a number': ['malformed', ({ signing, claims }) => jwt('1', claims, signing.sign)],
  'whose header is a list': ['wrong_type', ({ signing, claims }) => jwt([], claims, signing.sign)],
  'whose payload is no JSON': ['wrong_claims', ({ signing, header }) => jwt(header, '{', signing.sign)],
  'whose payload is null': ['wrong_claims', ({ signing, header }) => jwt(header, 'null', signing.sign)],
  'whose payload is a list': ['wrong_claims', ({ signing, header, claims }) => jwt(header, [claims], signing.sign)],
  'whose payload is a text': ['wrong_claims', ({ signing, header }) => jwt(header, '"alice"', signing.sign)],
  'over 16 KiB': ['malformed', (forger) => forger.with({ claims: { padding: 'x'.repeat(12_000) } })],
};

const UNPROVED: Recipes = {
  'of alg none': ['bad_signature', (forger) => forger.with({ header: { alg: 'none' }, sign: unsigned })],
  'of alg nOnE': ['bad_signature', (forger) => forger.with({ header: { alg: 'nOnE' }, sign: unsigned })],
  'of alg none with the signature of a good one': [
    'bad_signature',
    (forger) => forger.with({ header: { alg: 'none' }, sign: () => Buffer.from(forger.parts[2], 'base64url') }),
  ],
  'of alg none that is signed': ['bad_signature', (forger) => forger.with({ header: { alg: 'none' } })],
  'of no alg': ['bad_signature', (forger) => forger.with({ header: { alg: undefined } })],
  'whose alg is a list': ['bad_signature', (forger) => forger.with({ header: { alg: [forger.signing.algorithm] } })],
  'without a signature': ['bad_signature', (forger) => forger.with({ sign: unsigned })],
  'with a signature of zeros': ['bad_signature', (forger) => forger.with({ sign: () => Buffer.alloc(64) })],
  'with half of its signature': [
    'bad_signature',
    ({ parts: [header, payload, signature] }) => `${header}.${payload}.${signature.slice(0, signature.length / 2)}`,
  ],
  "with a good one's signature and other claims": [
    'bad_signature',
    (forger) => forger.with({ claims: { sub: 'bob' }, sign: () => Buffer.from(forger.parts[2], 'base64url') }),
  ],
  'signed with a key that is not ours': [
    'bad_signature',
    (forger) => forger.with({ sign: strangersSigner(forger.signing.algorithm).sign }),
  ],
  'that brings its own key': [
    'bad_signature',
    (forger) => {
      const { sign, publicJwk } = strangersSigner(forger.signing.algorithm);
      return forger.with({ header: { jwk: { ...publicJwk, kid: forger.header['kid'] } }, sign });
    },
  ],
  'that says where its key is': [
    'bad_signature',
    (forger) => {
      const { sign } = strangersSigner(forger.signing.algorithm);
      return forger.with({ header: { jku: forger.strangersUrl, x5u: forger.strangersUrl, x5c: ['AAAA'] }, sign });
    },
  ],
};

const WRONG_HEADERS: Recipes = {
  'of another kid': ['unknown_key', (forger) => forger.with({ header: { kid: 'nobody' } })],
  'whose kid is a path': ['unknown_key', (forger) => forger.with({ header: { kid: '/dev/null' } })],
  'whose kid is null': ['unknown_key', (forger) => forger.with({ header: { kid: null } })],
  'whose kid is a list': ['unknown_key', (forger) => forger.with({ header: { kid: [forger.header['kid']] } })],
  'with something critical that we know': [
    'malformed',
    (forger) => forger.with({ header: { crit: ['exp'], exp: forger.claims['exp'] } }),
  ],
  'with something critical that we do not know': ['malformed', (forger) => forger.with({ header: { crit: ['x'] } })],
  'with nothing critical': ['malformed', (forger) => forger.with({ header: { crit: [] } })],
  'that is not encoded': ['malformed', (forger) => forger.with({ header: { crit: ['b64'], b64: false } })],
  'of typ JWT': ['wrong_type', (forger) => forger.with({ header: { typ: 'JWT' } })],
  'of no typ': ['wrong_type', (forger) => forger.with({ header: { typ: undefined } })],
  'of typ null': ['wrong_type', (forger) => forger.with({ header: { typ: null } })],
  'of an empty typ': ['wrong_type', (forger) => forger.with({ header: { typ: '' } })],
  'of typ id+jwt': ['wrong_type', (forger) => forger.with({ header: { typ: 'id+jwt' } })],
  'of typ at+jwt with more behind it': ['wrong_type', (forger) => forger.with({ header: { typ: 'at+jwt; x' } })],
  'of typ at+jwt with a line behind it': ['wrong_type', (forger) => forger.with({ header: { typ: 'at+jwt\n' } })],
  'whose typ is a list': ['wrong_type', (forger) => forger.with({ header: { typ: ['at+jwt'] } })],
  'that names its typ as its cty': ['wrong_type', (forger) => forger.with({ header: { typ: 'JWT', cty: 'at+jwt' } })],
};

const WRONG_CLAIMS: Recipes = {
  'of another issuer': ['wrong_claims', (forger) => forger.with({ claims: { iss: 'https://other.example.com' } })],
  'of an issuer that begins like ours': [
    'wrong_claims',
    (forger) => forger.with({ claims: { iss: `${String(forger.claims['iss'])}/` } }),
  ],
  'of several issuers': ['wrong_claims', (forger) => forger.with({ claims: { iss: [forger.claims['iss']] } })],
  'without iss': ['wrong_claims', (forger) => forger.with({ claims: { iss: undefined } })],
  'for another audience': ['wrong_claims', (forger) => forger.with({ claims: { aud: 'https://other.example.com' } })],
  'for an audience that begins like ours': [
    'wrong_claims',
    (forger) => forger.with({ claims: { aud: `${String(forger.claims['aud'])}.evil` } }),
  ],
  'for other audiences': [
    'wrong_claims',
    (forger) => forger.with({ claims: { aud: ['https://a.example.com', 'https://b.example.com'] } }),
  ],
  'for a list of lists': ['wrong_claims', (forger) => forger.with({ claims: { aud: [[forger.claims['aud']]] } })],
  'for nobody': ['wrong_claims', (forger) => forger.with({ claims: { aud: [] } })],
  'without aud': ['wrong_claims', (forger) => forger.with({ claims: { aud: undefined } })],
  'without sub': ['wrong_claims', (forger) => forger.with({ claims: { sub: undefined } })],
  'whose sub is a number': ['wrong_claims', (forger) => forger.with({ claims: { sub: 1 } })],
  'without sid': ['wrong_claims', (forger) => forger.with({ claims: { sid: undefined } })],
  'whose sid is no session id': ['wrong_claims', (forger) => forger.with({ claims: { sid: 'x' } })],
  'without jti': ['wrong_claims', (forger) => forger.with({ claims: { jti: undefined } })],
  'without iat': ['wrong_claims', (forger) => forger.with({ claims: { iat: undefined } })],
  'without auth_time': ['wrong_claims', (forger) => forger.with({ claims: { auth_time: undefined } })],
  'without exp': ['wrong_claims', (forger) => forger.with({ claims: { exp: undefined } })],
  'whose exp is a text': ['malformed', (forger) => forger.with({ claims: { exp: String(forger.claims['exp']) } })],
  'whose exp is null': ['malformed', (forger) => forger.with({ claims: { exp: null } })],
  'whose scope is a list': ['wrong_claims', (forger) => forger.with({ claims: { scope: ['orders:read'] } })],
  'whose scope is null': ['wrong_claims', (forger) => forger.with({ claims: { scope: null } })],
  'that has expired': ['expired', (forger) => forger.with({ claims: { exp: Number(forger.claims['iat']) - 60 } })],
  'that is not yet good': [
    'wrong_claims',
    (forger) => forger.with({ claims: { nbf: Number(forger.claims['iat']) + 60 } }),
  ],
  'whose nbf is a text': ['malformed', (forger) => forger.with({ claims: { nbf: '0' } })],
};

/** Of the algorithms with a published key. */
const OF_KEY_PAIRS: Recipes = {
  'of no kid': ['unknown_key', (forger) => forger.with({ header: { kid: undefined } })],
  'of the kid of another key of ours': [
    'bad_signature',
    (forger) => forger.with({ header: { kid: forger.signing.keys[1]?.['kid'] } }),
  ],
  'of HS256 with the public key as its secret, as PEM': ['bad_signature', withPublicKey('pem')],
  'of HS256 with the public key as its secret, as PEM without its last line end': [
    'bad_signature',
    withPublicKey('pem', (pem) => pem.trimEnd()),
  ],
  'of HS256 with the public key as its secret, as JWK': ['bad_signature', withPublicKey('jwk')],
  'of HS256 with the public key as its secret, as DER': ['bad_signature', withPublicKey('der')],
  'of HS256 with the public key as its secret, saying ours': [
    'bad_signature',
    (forger) => {
      return forger.with({ sign: hmac(publicKeyOf(forger).export({ format: 'pem', type: 'spki' })) });
    },
  ],
};

const OF_ALGORITHM: Record<Algorithm, Recipes> = {
  ES256: {
    'of ES384 with such a key': [
      'bad_signature',
      (forger) => {
        const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
        return forger.with({ header: { alg: 'ES384' }, sign: ecdsa(privateKey, 384) });
      },
    ],
    'of ES256 by an ES384 key': [
      'bad_signature',
      (forger) => forger.with({ sign: ecdsa(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey) }),
    ],
    'that says RS256': ['bad_signature', (forger) => forger.with({ header: { alg: 'RS256' } })],
    'whose signature is DER': [
      'bad_signature',
      (forger) => forger.with({ sign: (input) => signWith('sha256', Buffer.from(input), privateKeyOf(forger)) }),
    ],
  },
  RS256: {
    'of RS512 with our key': [
      'bad_signature',
      (forger) => forger.with({ header: { alg: 'RS512' }, sign: rsa(privateKeyOf(forger), 512) }),
    ],
    'of PS256 with our key': [
      'bad_signature',
      (forger) =>
        forger.with({
          header: { alg: 'PS256' },
          sign: (input) =>
            signWith('sha256', Buffer.from(input), {
              key: privateKeyOf(forger),
              padding: constants.RSA_PKCS1_PSS_PADDING,
              saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
            }),
        }),
    ],
    'that says ES256': ['bad_signature', (forger) => forger.with({ header: { alg: 'ES256' } })],
  },
  HS256: {
    'of any kid': ['unknown_key', (forger) => forger.with({ header: { kid: 'host' } })],
    'of HS512 with our secret': [
      'bad_signature',
      (forger) => forger.with({ header: { alg: 'HS512' }, sign: hmac(secretOf(forger.signing), 512) }),
    ],
    'of HS384 with our secret': [
      'bad_signature',
      (forger) => forger.with({ header: { alg: 'HS384' }, sign: hmac(secretOf(forger.signing), 384) }),
    ],
    'of an empty secret': ['bad_signature', (forger) => forger.with({ sign: hmac('') })],
    "of the host's own making": [
      'wrong_type',
      ({ signing, claims }) => jwt({ alg: 'HS256', typ: 'JWT' }, claims, signing.sign),
    ],
  },
};

/** Every way in which a token isn't good where access tokens are signed like this. */
export function forgedAccessTokens(algorithm: Algorithm): readonly ForgedToken[] {
  const recipes = {
    ...NOT_TOKENS,
    ...UNPROVED,
    ...WRONG_HEADERS,
    ...WRONG_CLAIMS,
    ...(algorithm === 'HS256' ? {} : OF_KEY_PAIRS),
    ...OF_ALGORITHM[algorithm],
  };
  return Object.entries(recipes).map(([name, [reason, recipe]]) => ({
    name,
    reason,
    make: (good, signing, strangersUrl = 'https://stranger.example.com/keys') =>
      recipe(forgerOf(good, signing, strangersUrl)),
  }));
}

function forgerOf(good: string, signing: Signing, strangersUrl: string): Forger {
  const { header, claims } = decoded(good);
  return {
    header,
    claims,
    signing,
    good,
    strangersUrl,
    parts: good.split('.') as [string, string, string],
    with: (change) =>
      jwt({ ...header, ...change.header }, { ...claims, ...change.claims }, change.sign ?? signing.sign),
  };
}

function withPublicKey(format: 'pem' | 'jwk' | 'der', spell = (text: string) => text): Recipes[string][1] {
  return (forger) => {
    const key = publicKeyOf(forger);
    const secret = {
      pem: () => spell(key.export({ format: 'pem', type: 'spki' }) as string),
      jwk: () => JSON.stringify(key.export({ format: 'jwk' })),
      der: () => key.export({ format: 'der', type: 'spki' }),
    }[format]();
    return forger.with({ header: { alg: 'HS256' }, sign: hmac(secret) });
  };
}

function privateKeyOf({ signing: { privateKey } }: Forger): KeyObject {
  return privateKey as KeyObject;
}

function publicKeyOf({ signing: { publicKey } }: Forger): KeyObject {
  return publicKey as KeyObject;
}

function secretOf({ options }: Signing): string {
  return 'secret' in options ? options.secret : '';
}
