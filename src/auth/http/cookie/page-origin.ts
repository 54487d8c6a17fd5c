import type { AuthRequest } from '../auth.request.js';
import { isLoopback, isOrigin } from '../../formats/origin.js';

/**
 * Whether a request with a cookie was sent by an allowed page: one of `origins`, or one of the endpoint's own origin. A
 * browser sends cookies along for every page, but no page can set `Origin` and `Sec-Fetch-Site`. A request without both
 * is refused.
 */
export function isFromAllowedPage({ headers }: AuthRequest, origins: ReadonlySet<string>): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && origins.has(origin)) return true;
  // `same-site` isn't enough: a sister domain may be somebody else's.
  if (site !== undefined) return site === 'same-origin';
  return origin !== undefined && isOwnOrigin(origin, host);
}

/** For browsers without `Sec-Fetch-Site`. The cookie is Secure, so no page that came over plain HTTP is its owner's. */
function isOwnOrigin(origin: string, host = ''): boolean {
  if (!isOrigin(origin)) return false;
  const page = new URL(origin);
  const own = `${page.protocol}//${host}`;
  // Parsed, since `Host` may name the default port.
  const isOwn = URL.canParse(own) && new URL(own).origin === origin;
  return isOwn && (page.protocol === 'https:' || isLoopback(page.hostname));
}
