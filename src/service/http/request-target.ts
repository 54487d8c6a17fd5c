/** Whether the path of a URL can be decoded: its escapes must be percent-encoded UTF-8 (RFC 3986 §2.1). */
export function isWellFormed(url: string): boolean {
  if (!url.includes('%')) return true;
  try {
    decodeURIComponent(pathOf(url));
    return true;
  } catch {
    return false;
  }
}

/** The same URL with every escape decoded that its path doesn't need: `/%6Cogout` is `/logout` (RFC 3986 §6.2.2.2). */
export function withoutNeedlessEscapes(url: string): string {
  if (!url.includes('%')) return url;
  const path = pathOf(url);
  const shown = path.replace(/%(?:2[DE]|3\d|[46][1-9A-F]|[57][\dA]|5F|7E)/gi, decodeURIComponent);
  return shown + url.slice(path.length);
}

/** The path of a URL, not decoded. */
export function pathOf(url: string): string {
  return url.split(/[?#]/, 1)[0] as string;
}
