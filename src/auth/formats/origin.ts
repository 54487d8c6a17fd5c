const MAX_ORIGIN = 255;

/** Whether a text is the origin of web pages, as browsers write it (RFC 6454 §6.1). */
export function isOrigin(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > MAX_ORIGIN || !/^https?:/.test(text)) return false;
  return URL.canParse(text) && new URL(text).origin === text;
}

/** Whether a host name means this machine. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[?::1\]?)$/.test(host);
}
