import { COOKIE_NAME } from '../formats/cookie.js';
import { isOrigin } from '../formats/origin.js';
import type { CookieOptions } from './auth.options.js';
import { optional, table, withDefault, type Readers } from './reader.js';
import { choice, list, matching, refused } from './readers.js';

/** The options of the cookie: limits and defaults. */
export const cookieTable = table('cookie', {
  origins: optional(
    list({
      of: 'origins such as https://app.example.com',
      isEntry: isOrigin,
      refuse: (entry, _, takes) => refused(entry, takes),
    }),
    [],
  ),
  name: withDefault(
    matching(
      COOKIE_NAME,
      "1 to 64 letters, digits and !#$%&'*+-.^_`|~",
      "a cookie's name (RFC 6265 §4.1.1) of 1 to 64 characters",
    ),
    '__Host-refresh_token',
  ),
  sameSite: withDefault(choice('strict', 'lax', 'none'), 'strict'),
} satisfies Readers<CookieOptions>);
