/** The path of the metadata where the issuer has no path (RFC 8414 §3). */
export const METADATA_PATH = '.well-known/oauth-authorization-server';

/** Whether a text is a URL without query and fragment, as an issuer must be (RFC 8414 §2). */
export function isIssuerUrl(text: unknown): text is string {
  return typeof text === 'string' && /^https?:\/\/[^\s?#]+$/.test(text) && URL.canParse(text);
}

/** The URL of a path below another URL. */
export function urlBelow(url: string, path: string): string {
  return `${url.replace(/\/$/, '')}/${path}`;
}

/** The path of an issuer's metadata: the issuer's own path follows that of the metadata (RFC 8414 §3.1). */
export function metadataPathOf(issuer: string): string {
  return METADATA_PATH + new URL(issuer).pathname.replace(/\/$/, '');
}
