import type { OAuthOptions } from './auth.options.js';
import { optional, table, type Readers } from './reader.js';
import { url } from './readers.js';

/** The options of the OAuth endpoints. */
export const oauthTable = table('oauth', {
  url: optional(url(), undefined),
  jwksUrl: optional(url(), undefined),
} satisfies Readers<OAuthOptions>);
