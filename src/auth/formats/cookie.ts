/** What a cookie's name may be (RFC 6265 §4.1.1). */
export const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]{1,64}$/;

/** How a cookie is kept from others; the cookie is always Secure, HttpOnly and for its own host alone. */
export interface CookieAttributes {
  readonly name: string;
  readonly sameSite: 'strict' | 'lax' | 'none';
}
