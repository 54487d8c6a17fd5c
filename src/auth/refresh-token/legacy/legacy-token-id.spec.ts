import { generateKeyPairSync, randomBytes, sign, verify, type KeyObject } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { legacyToken, mayBeLegacy } from './legacy-token-id.js';

type Algorithm = 'ES256' | 'ES384' | 'ES512';

const CURVES = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;
const HASHES = { ES256: 'sha256', ES384: 'sha384', ES512: 'sha512' } as const;
const ALGORITHMS = Object.keys(CURVES) as Algorithm[];

/** SEC 2, in decimal: not what the source has. */
const ORDERS = {
  ES256: 115792089210356248762697446949407573529996955224135760342422259061068512044369n,
  ES384:
    39402006196394479212279040100143613805079739270465446667946905279627659399113263569398956308152294913554433653942643n,
  ES512:
    6864797660130609714981900799081393217269435300143305409394463459185543183397655394245057746333217197532963996371363321113864768612440380340372808892707005449n,
} as const;

function encoded(part: object | Buffer): string {
  return (Buffer.isBuffer(part) ? part : Buffer.from(JSON.stringify(part))).toString('base64url');
}

function withSignature(alg: unknown, signature: Buffer): string {
  return `${encoded({ alg })}.${encoded({ sub: 'alice' })}.${encoded(signature)}`;
}

function signed(alg: Algorithm, key: KeyObject, jti = randomBytes(8).toString('hex')): string {
  const input = `${encoded({ alg })}.${encoded({ sub: 'alice', jti })}`;
  return `${input}.${encoded(sign(HASHES[alg], Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }))}`;
}

/** The other signature that anybody makes of a good one. */
function flipped(alg: Algorithm, token: string): string {
  const [header, payload, encodedSignature = ''] = token.split('.');
  const signature = Buffer.from(encodedSignature, 'base64url');
  const size = signature.length / 2;
  const s = ORDERS[alg] - BigInt(`0x${signature.subarray(size).toString('hex')}`);
  const other = Buffer.from(s.toString(16).padStart(2 * size, '0'), 'hex');
  return [header, payload, encoded(Buffer.concat([signature.subarray(0, size), other]))].join('.');
}

const sessionOf = (text: string) => legacyToken(text).sessionId;

describe('legacyToken', () => {
  describe.each(ALGORITHMS)('of a JWT with %s', (alg) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: CURVES[alg] });

    it('names one session, whichever of the two good signatures it has', () => {
      for (let round = 0; round < 20; round += 1) {
        const token = signed(alg, privateKey);
        const other = flipped(alg, token);
        const [input, signature] = [other.slice(0, other.lastIndexOf('.')), other.slice(other.lastIndexOf('.') + 1)];
        const key = { key: publicKey, dsaEncoding: 'ieee-p1363' as const };
        // It is a good one, or nothing was shown.
        expect(verify(HASHES[alg], Buffer.from(input), key, Buffer.from(signature, 'base64url'))).toBe(true);
        expect(other).not.toBe(token);
        expect(sessionOf(other)).toBe(sessionOf(token));
      }
    });

    it('names another session where anything else of it differs', () => {
      const token = signed(alg, privateKey, 'one');
      const [header, payload, signature = ''] = token.split('.');
      const bytes = Buffer.from(signature, 'base64url');
      const size = bytes.length / 2;
      const others = [
        signed(alg, privateKey, 'two'),
        [encoded({ alg, kid: 'x' }), payload, signature].join('.'),
        ...[0, size - 1, size, 2 * size - 1].map((at) => {
          const changed = Buffer.from(bytes);
          changed[at] = (changed[at] as number) ^ 1;
          return [header, payload, encoded(changed)].join('.');
        }),
        [header, payload, encoded(Buffer.concat([bytes.subarray(size), bytes.subarray(0, size)]))].join('.'),
      ];
      expect(new Set([token, ...others].map(sessionOf)).size).toBe(1 + others.length);
    });

    it('keeps signatures apart whose s is at an end of its range, or beyond it', () => {
      const order = ORDERS[alg];
      const size = Math.ceil(order.toString(16).length / 2);
      const texts = [0n, 1n, order / 2n, order, order + 1n, (1n << BigInt(8 * size)) - 1n].map((s) =>
        withSignature(alg, Buffer.from('01'.repeat(size) + s.toString(16).padStart(2 * size, '0'), 'hex')),
      );
      expect(new Set(texts.map(sessionOf)).size).toBe(texts.length);
    });
  });

  it('names a session of its own for each text, of whatever form', () => {
    const part = fc.uint8Array({ maxLength: 8 }).map((bytes) => encoded(Buffer.from(bytes)));
    const alg = fc.constantFrom(...ALGORITHMS, 'HS256', 'none', 'toString', 'constructor', '__proto__', 7, null);
    const jws = fc
      .tuple(alg, fc.uint8Array({ maxLength: 140 }))
      .map(([name, bytes]) => withSignature(name, Buffer.from(bytes)));
    const text = fc.oneof(
      fc.string(),
      jws,
      fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
    );
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(sessionOf(one) === sessionOf(other)).toBe(one === other);
      }),
      { numRuns: 300 },
    );
  });

  // Their signatures are of no length that ECDSA makes; each differs from the next in one bit.
  it.each([...ALGORITHMS, 'toString', 'constructor'])(
    'keeps JWTs with %s apart by every bit of an odd signature',
    (alg) => {
      for (const length of [1, 3, 5, 63, 65, 95, 131]) {
        const signature = Buffer.alloc(length, 0xa5);
        const texts = Array.from({ length: 8 * length }, (_, bit) => {
          const changed = Buffer.from(signature);
          changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
          return withSignature(alg, changed);
        });
        expect(new Set(texts.map(sessionOf)).size).toBe(texts.length);
      }
    },
  );

  it('names the session that it has always named', () => {
    // Sessions of old tokens outlive a release: their ids must not change.
    expect(sessionOf('an old token')).toBe('2e309b9e-39e0-f2fe-d470-10ce1b1fd8dd');
    expect(sessionOf(withSignature('HS256', Buffer.alloc(32, 1)))).toBe('4ae25886-d6b7-8237-bd15-11a6e6bc5d78');
    expect(legacyToken('an old token').number).toBe(1);
  });
});

describe('mayBeLegacy', () => {
  it.each(['an old token', 'a.b.c', 'x'.repeat(8_192)])('takes %.20j', (text) => {
    expect(mayBeLegacy(text)).toBe(true);
  });

  it.each<[unknown]>([
    [''],
    ['  '],
    ['x'.repeat(8_193)],
    ['é'.repeat(4_097)],
    [undefined],
    [7],
    [withSignature('HS256', Buffer.alloc(32, 1)) + '='],
    [`${encoded({ alg: 'ES256', typ: 'at+jwt' })}.e30.${encoded(Buffer.alloc(64, 1))}`],
  ])('does not take %.20j', (text) => {
    expect(mayBeLegacy(text)).toBe(false);
  });
});
