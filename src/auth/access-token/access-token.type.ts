/** The `typ` of access tokens (RFC 9068 §2.1): no other JWT passes for an access token, nor the other way round. */
export const ACCESS_TOKEN_TYPE = 'at+jwt';

const ACCESS_TOKEN_TYPES = /^(?:application\/)?at\+jwt$/i;

/** The header of a compact JWS (RFC 7515 §7.1). Nothing of it is proved. `undefined` where the text is no JWS. */
export function jwtHeader(text: string): Record<string, unknown> | undefined {
  const [encoded = '', ...rest] = text.split('.', 4);
  if (rest.length !== 2) return undefined;
  try {
    const header: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString());
    return typeof header === 'object' && header !== null ? (header as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a header's `typ` is that of an access token (RFC 9068 §4). */
export function isAccessTokenType(typ: unknown): boolean {
  return typeof typ === 'string' && ACCESS_TOKEN_TYPES.test(typ);
}

/** Whether a text says of itself that it is an access token. */
export function isAccessToken(text: string): boolean {
  return isAccessTokenType(jwtHeader(text)?.['typ']);
}
