import type { CookieAttributes } from '../../formats/cookie.js';

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' };

/** The values of all cookies with this name: a browser may send several (RFC 6265 §5.4). Empty values are left out. */
export function cookieValues(header: string | undefined, name: string): string[] {
  const start = `${name}=`;
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(start) && pair.length > start.length)
    .map((pair) => decoded(pair.slice(start.length)));
}

/** Express percent-encodes a host's cookies, and so its old tokens. Decoding leaves the module's own tokens as they are. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * A `Set-Cookie` header as the prefix `__Host-` demands it: for all paths of one host, and for no subdomain.
 * @param maxAge seconds; 0 takes the cookie away
 */
export function setCookieHeader({ name, sameSite }: CookieAttributes, value: string, maxAge: number): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAge}; Secure; HttpOnly; SameSite=${SAME_SITE[sameSite]}`;
}
