/** What `fetch` makes of a URL, which may be relative in a page. @throws {TypeError} for one that is none */
export function requestUrl(url: string): string {
  return new Request(url).url;
}

const originOf = (url: string): string => new URL(requestUrl(url)).origin;

/**
 * That requests to `url` may carry the access token.
 * @param trusted URLs of the origins that may get it, besides the page's own
 * @throws {TypeError} naming the origin
 */
export function assertTrusted(url: string, trusted: readonly string[]): void {
  const origin = originOf(url);
  const isTrusted = origin === globalThis.location?.origin || trusted.some((each) => originOf(each) === origin);
  // All opaque origins are called "null", whosever they are.
  if (!isTrusted || origin === 'null') throw new TypeError(`${origin} isn't in apiOrigins`);
}
