import { createHmac } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { tokenSecret } from '../../../src/auth/keys/token-secret.js';
import { call, json } from './http.js';

const PREFIX = 'rt_';
const NUMBER_AT = 17;
const TAG_AT = 23;

/** The first byte of a refresh token, in hex: that of the fingerprint of the secret that made it. */
export function secretIdOf(refreshToken: string): string {
  return bytesOf(refreshToken).toString('hex', 0, 1);
}

/** Whether a refresh token was made with the secret of this fingerprint. */
export function isMadeWith(refreshToken: string, fingerprint: string): boolean {
  return fingerprint.startsWith(secretIdOf(refreshToken));
}

/** A refresh token's number: the millisecond at which it was minted. */
export function numberOf(refreshToken: string): number {
  return bytesOf(refreshToken).readUIntBE(NUMBER_AT, TAG_AT - NUMBER_AT);
}

/** The same token of the same session, made with another secret. */
export function remade(refreshToken: string, secret: string): string {
  const { id, macKey } = tokenSecret(secret);
  const bytes = bytesOf(refreshToken);
  bytes[0] = id;
  const tag = createHmac('sha256', macKey).update(bytes.subarray(0, TAG_AT)).digest();
  tag.copy(bytes, TAG_AT);
  return PREFIX + bytes.toString('base64url');
}

/** The id of the key that signed an access token. */
export function keyIdOf(accessToken: string): string | undefined {
  return decodeProtectedHeader(accessToken).kid;
}

/** The ids of the keys that a service publishes. */
export async function publishedBy(url: string): Promise<string[]> {
  const set = json<{ keys: { kid: string }[] }>(await call(`${url}/.well-known/jwks.json`, { method: 'GET' }));
  return set.keys.map(({ kid }) => kid);
}

function bytesOf(refreshToken: string): Buffer {
  return Buffer.from(refreshToken.replace(PREFIX, ''), 'base64url');
}
