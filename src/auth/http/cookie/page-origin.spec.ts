import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { AuthRequest } from '../auth.request.js';
import { isFromAllowedPage } from './page-origin.js';

const LISTED = new Set(['https://app.example.com']);

function isAllowed(headers: IncomingHttpHeaders, origins = LISTED): boolean {
  return isFromAllowedPage({ headers } as AuthRequest, origins);
}

/** What HTTP lets nobody send, or only without a browser; the table of what browsers send is in test/cookie-origins. */
describe('isFromAllowedPage', () => {
  it('knows no own origin without a Host', () => {
    expect(isAllowed({ origin: 'https://auth.example.com' })).toBe(false);
    expect(isAllowed({ origin: 'https://undefined' })).toBe(false);
  });

  it.each(['', ' ', 'a b', '/', '?', '#', '[', 'auth.example.com:x'])(
    'takes no page for one of the host %j',
    (host) => {
      expect(isAllowed({ origin: 'https://auth.example.com', host })).toBe(false);
    },
  );

  it('needs no list for its own pages', () => {
    expect(isAllowed({ origin: 'https://auth.example.com', host: 'auth.example.com' }, new Set())).toBe(true);
    expect(isAllowed({ 'sec-fetch-site': 'same-origin' }, new Set())).toBe(true);
    expect(isAllowed({ origin: 'https://app.example.com', host: 'auth.example.com' }, new Set())).toBe(false);
  });

  it.each(['http', 'ws', 'ftp', 'file', 'chrome-extension'])(
    'trusts a page of its host by https only, not by %s',
    (scheme) => {
      expect(isAllowed({ origin: `${scheme}://auth.example.com`, host: 'auth.example.com' })).toBe(false);
    },
  );

  it.each(['capacitor', 'tauri', 'ws', 'ftp'])('takes no app of this machine for a page of it: %s', (scheme) => {
    // Whatever is no web page has the origin `null` to a parser, and so has every other.
    expect(isAllowed({ origin: `${scheme}://localhost`, host: 'localhost:3000' })).toBe(false);
    expect(isAllowed({ origin: `${scheme}://localhost`, host: 'localhost' })).toBe(false);
  });

  it.each(['https://AUTH.example.com', 'https://auth.example.com/', 'https://x@auth.example.com'])(
    'takes an origin as browsers write it only, not %s',
    (origin) => {
      expect(isAllowed({ origin, host: 'auth.example.com' })).toBe(false);
    },
  );
});
