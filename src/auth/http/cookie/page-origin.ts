import type { AuthRequest } from '../auth.request.js';
import { isLoopback, isOrigin } from '../../formats/origin.js';

/**
 * Whether a request with a cookie was sent by a page that may: one of the allowed origins, or of the endpoint's own.
 * A browser sends cookies along for every page; these headers are what a page can't set. Who sends neither is refused.
 */
export function isFromAllowedPage({ headers }: AuthRequest, origins: ReadonlySet<string>): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && origins.has(origin)) return true;
  // Not same-site: a sister domain may be somebody else's.
  if (site !== undefined) return site === 'same-origin';
  return origin !== undefined && isOwnOrigin(origin, host);
}

/** For browsers that don't say more. The cookie is Secure: a page that came in the clear is not its owner's. */
function isOwnOrigin(origin: string, host = ''): boolean {
  if (!isOrigin(origin)) return false;
  const page = new URL(origin);
  const own = `${page.protocol}//${host}`;
  // Parsed, since a host may be written with its default port.
  const isOwn = URL.canParse(own) && new URL(own).origin === origin;
  return isOwn && (page.protocol === 'https:' || isLoopback(page.hostname));
}
