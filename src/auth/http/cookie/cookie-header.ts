import type { CookieAttributes } from '../../formats/cookie.js';

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' };

/** The values of the cookies with a name (RFC 6265 §5.4: a browser may send several). Empty ones are none. */
export function cookieValues(header: string | undefined, name: string): string[] {
  const start = `${name}=`;
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(start) && pair.length > start.length)
    .map((pair) => decoded(pair.slice(start.length)));
}

/** Express percent-encodes the cookies it sets, and with them a host's own tokens of before; ours it leaves as they are. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * A `Set-Cookie` header as the `__Host-` prefix wants it: for all paths of one host, never of its subdomains.
 * @param maxAge seconds; 0 takes the cookie away
 */
export function setCookieHeader({ name, sameSite }: CookieAttributes, value: string, maxAge: number): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAge}; Secure; HttpOnly; SameSite=${SAME_SITE[sameSite]}`;
}
