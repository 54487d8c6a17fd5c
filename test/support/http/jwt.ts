import { createHmac, sign as signWith, type KeyObject } from 'node:crypto';

/** What stands in a JWT's third part. */
export type Signer = (input: string) => Buffer;

/** A JWT of any header and payload, well-formed or not; a text stands as it is. */
export function jwt(header: unknown, payload: unknown, sign: Signer): string {
  const input = `${encoded(header)}.${encoded(payload)}`;
  return `${input}.${sign(input).toString('base64url')}`;
}

function encoded(part: unknown): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
}

/** The header and the claims of a JWT, unproved. */
export function decoded(token: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header, claims] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  return { header, claims } as ReturnType<typeof decoded>;
}

export const unsigned: Signer = () => Buffer.alloc(0);

/** HS256, HS384 or HS512. */
export function hmac(secret: string | Buffer, bits: 256 | 384 | 512 = 256): Signer {
  return (input) => createHmac(`sha${bits}`, secret).update(input).digest();
}

/** ES256 or ES384. */
export function ecdsa(key: KeyObject, bits: 256 | 384 = 256): Signer {
  return (input) => signWith(`sha${bits}`, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
}

/** RS256, RS384 or RS512. */
export function rsa(key: KeyObject, bits: 256 | 384 | 512 = 256): Signer {
  return (input) => signWith(`sha${bits}`, Buffer.from(input), key);
}
