/** Where the metadata of an issuer without a path stand (RFC 8414 §3). */
export const METADATA_PATH = '.well-known/oauth-authorization-server';

/** Whether a text is a URL without query and fragment, as an issuer has to be (RFC 8414 §2). */
export function isIssuerUrl(text: unknown): text is string {
  return typeof text === 'string' && /^https?:\/\/[^\s?#]+$/.test(text) && URL.canParse(text);
}

/** The URL of something below another one. */
export function urlBelow(url: string, path: string): string {
  return `${url.replace(/\/$/, '')}/${path}`;
}

/** RFC 8414 §3.1: the path of an issuer stands behind that of the metadata. */
export function metadataPathOf(issuer: string): string {
  return METADATA_PATH + new URL(issuer).pathname.replace(/\/$/, '');
}
