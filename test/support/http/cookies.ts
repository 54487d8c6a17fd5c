import { call, type Answer } from './http.js';
import type { Wire } from './wire.js';

/** The name of the cookie, as it comes. */
export const COOKIE = '__Host-refresh_token';
/** What switches cookies on, for the service's own pages. */
export const WITH_COOKIES = { REFRESH_TOKEN_COOKIE: 'true' };
/** What a browser says of a request that a page of the same origin sends. */
export const OWN_PAGE = { 'Sec-Fetch-Site': 'same-origin' };
/** What takes the cookie away. */
export const CLEARED = setCookie('', 0);

/** The `Cookie` header of a browser that has this one. */
export function cookie(token: string, name = COOKIE): { Cookie: string } {
  return { Cookie: `${name}=${token}` };
}

/** The `Set-Cookie` header that hands a token over. */
export function setCookie(token: string, maxAge: number, name = COOKIE, sameSite = 'Strict'): string {
  return `${name}=${token}; Path=/; Max-Age=${maxAge}; Secure; HttpOnly; SameSite=${sameSite}`;
}

/** An answer of the contract that sets cookies as well. */
export function setting(answer: Wire, ...cookies: readonly string[]): Wire {
  return { ...answer, headers: { ...answer.headers, 'set-cookie': cookies } };
}

/** `POST /refresh_token` of a page of the service's own. */
export function refreshByCookie(url: string, token: string): Promise<Answer> {
  return call(`${url}/refresh_token`, { headers: { ...cookie(token), ...OWN_PAGE } });
}

/** `POST /logout` of a page of the service's own. */
export function logoutByCookie(url: string, token: string): Promise<Answer> {
  return call(`${url}/logout`, { headers: { ...cookie(token), ...OWN_PAGE } });
}

/** The token that an answer hands over in the one cookie it sets. */
export function tokenIn({ headers, status }: Answer, name = COOKIE): string {
  const cookies = headers['set-cookie'] ?? [];
  const [first = ''] = cookies;
  if (cookies.length !== 1 || !first.startsWith(`${name}=`)) {
    throw new Error(`Expected one cookie ${name}, got ${cookies.length} with status ${status}.`);
  }
  return first.slice(name.length + 1, first.indexOf(';'));
}
