import { createHash } from 'node:crypto';
import { isAccessToken, jwtHeader } from '../../access-token/access-token.type.js';
import { HANDLE_SIZE } from '../refresh-token.codec.js';
import { RefreshToken } from '../refresh-token.js';

/** The longest old token, in bytes. */
const MAX_LEGACY_TOKEN = 8_192;
/** The number of an old token: above 0, `used` of a new session, and below every number that the module mints. */
export const LEGACY_NUMBER = 1;
const LEGACY_LABEL = 'nest-refresh-token/legacy-token/v1';

/** The curves of RFC 7518 §3.4. `order` is n: a signature (r, s) is as good as (r, n - s). `size` is r's, in bytes. */
const CURVES = new Map<unknown, { order: bigint; size: number }>([
  ['ES256', { order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n, size: 32 }],
  [
    'ES384',
    {
      order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
      size: 48,
    },
  ],
  [
    'ES512',
    {
      order:
        0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
      size: 66,
    },
  ],
]);

/** Whether a text may be an old token, so that the host has to be asked. */
export function mayBeLegacy(text: unknown): text is string {
  if (typeof text !== 'string' || text.trim() === '' || Buffer.byteLength(text) > MAX_LEGACY_TOKEN) return false;
  // A host that knows its JWTs by their signature only would take the module's access token for an old refresh token.
  return !isAccessToken(text) && !isMisspeltJwt(text);
}

/**
 * The first token of the old token's session. Only a holder of the old token can derive the session's id. No secret
 * takes part, since secrets roll and the session has to stay the same.
 */
export function legacyToken(text: string): RefreshToken {
  const digest = createHash('sha256').update(`${LEGACY_LABEL}\0`).update(oneSpelling(text)).digest();
  return new RefreshToken(digest.subarray(0, HANDLE_SIZE), LEGACY_NUMBER);
}

/** Whether a part of a JWT ends in a character with stray spare bits: each such spelling would be another session. */
function isMisspeltJwt(text: string): boolean {
  const isMisspelt = (part: string) => Buffer.from(part, 'base64url').toString('base64url') !== part;
  return jwtHeader(text) !== undefined && text.split('.').some(isMisspelt);
}

/** Anybody can turn one ECDSA signature into a second good one. This is the text with the smaller s of the two. */
function oneSpelling(text: string): string {
  const curve = CURVES.get(jwtHeader(text)?.['alg']);
  const [header, payload, encoded = ''] = text.split('.');
  const signature = Buffer.from(encoded, 'base64url');
  if (!curve || signature.length !== 2 * curve.size) return text;
  const { order, size } = curve;
  const s = BigInt(`0x${signature.toString('hex', size)}`);
  if (s * 2n <= order || s >= order) return text;
  const smaller = Buffer.from((order - s).toString(16).padStart(2 * size, '0'), 'hex');
  return [header, payload, Buffer.concat([signature.subarray(0, size), smaller]).toString('base64url')].join('.');
}
