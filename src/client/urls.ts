/** The absolute URL, as `fetch` resolves it: in a page, against the page's own. @throws {TypeError} for no URL */
export function requestUrl(url: string): string {
  return new Request(url).url;
}

const originOf = (url: string): string => new URL(requestUrl(url)).origin;

/**
 * Checks that requests to `url` may carry the access token.
 * @param trusted URLs of the origins that may get the token, besides the page's own
 * @throws {TypeError} naming the origin that may not
 */
export function assertTrusted(url: string, trusted: readonly string[]): void {
  const origin = originOf(url);
  const isTrusted = origin === globalThis.location?.origin || trusted.some((each) => originOf(each) === origin);
  // Every opaque origin is written "null", so two of them can't be told apart.
  if (!isTrusted || origin === 'null') throw new TypeError(`${origin} isn't in apiOrigins`);
}
