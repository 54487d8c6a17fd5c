import { describe, expect, it } from '@jest/globals';
import type { IncomingHttpHeaders } from 'node:http';
import { bearer, call, signIn } from '../support/http/http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { MISSING_TOKEN, wire } from '../support/http/wire.js';

const APP = 'https://app.example.com';
const OTHER_APP = 'http://localhost:4200';
const EXPOSED = 'WWW-Authenticate,Retry-After';
const FOREIGN = [
  'https://evil.example.com',
  'https://app.example.com.evil.com',
  'https://xapp.example.com',
  'http://app.example.com',
  'https://app.example.com:8443',
  'HTTPS://APP.EXAMPLE.COM',
  'null',
  '*',
];

/** The headers by which an answer speaks to a browser about origins. */
function corsHeaders(headers: IncomingHttpHeaders): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith('access-control-') || name === 'vary'),
  );
}

describe('with CORS_ORIGINS', () => {
  const running = serviceForTheSuite('SQLite', { CORS_ORIGINS: `${APP}, ${OTHER_APP}` });

  it.each([APP, OTHER_APP])(
    'a page of %s may read answers, and what a client needs of their headers',
    async (origin) => {
      const { url } = running.service;
      const { refresh_token } = await signIn(url);
      const good = await call(`${url}/refresh_token`, { headers: { ...bearer(refresh_token), Origin: origin } });
      const refused = await call(`${url}/refresh_token`, { headers: { ...bearer('x'), Origin: origin } });
      const tooLarge = await call(`${url}/refresh_token`, { headers: { Origin: origin }, body: 'x'.repeat(40_000) });
      const missing = await call(`${url}/nothing`, { headers: { Origin: origin } });
      expect([good, refused, tooLarge, missing].map(({ status }) => status)).toEqual([200, 401, 413, 404]);
      for (const { headers } of [good, refused, tooLarge, missing]) {
        expect(corsHeaders(headers)).toEqual({
          'access-control-allow-origin': origin,
          'access-control-expose-headers': EXPOSED,
          vary: 'Origin',
        });
      }
    },
  );

  it('its browser is told what it may send, without the service being asked for a token', async () => {
    const { status, text, headers } = await call(`${running.service.url}/refresh_token`, {
      method: 'OPTIONS',
      headers: {
        Origin: APP,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,x-request-id',
      },
    });
    expect({ status, text, headers: corsHeaders(headers) }).toEqual({
      status: 204,
      text: '',
      headers: {
        'access-control-allow-origin': APP,
        'access-control-allow-methods': 'GET,POST,PATCH,DELETE',
        'access-control-allow-headers': 'Authorization,Content-Type,X-Request-Id',
        'access-control-max-age': '600',
        'access-control-expose-headers': EXPOSED,
        vary: 'Origin',
      },
    });
  });

  it('no cookie goes along', async () => {
    const { headers } = await call(`${running.service.url}/refresh_token`, { headers: { Origin: APP } });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    expect(headers).not.toHaveProperty('set-cookie');
  });

  it.each(FOREIGN)('a page of %s may read nothing', async (origin) => {
    const { url } = running.service;
    const answers = [
      await call(`${url}/refresh_token`, { headers: { Origin: origin } }),
      await call(`${url}/.well-known/jwks.json`, { method: 'GET', headers: { Origin: origin } }),
      await call(`${url}/refresh_token`, {
        method: 'OPTIONS',
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
      }),
    ];
    for (const { headers } of answers) {
      expect(headers).not.toHaveProperty('access-control-allow-origin');
      expect(headers.vary).toBe('Origin');
    }
  });

  it('whoever is no browser is answered as ever, and no cache mixes up the two', async () => {
    const answer = await call(`${running.service.url}/refresh_token`);
    const headers = { ...MISSING_TOKEN.headers, 'access-control-expose-headers': EXPOSED, vary: 'Origin' };
    expect(wire(answer)).toEqual({ ...MISSING_TOKEN, headers });
  });
});

describe('without CORS_ORIGINS', () => {
  const running = serviceForTheSuite('SQLite');

  it('no page may read anything', async () => {
    const { url } = running.service;
    const answers = [
      await call(`${url}/refresh_token`, { headers: { Origin: APP } }),
      await call(`${url}/refresh_token`, {
        method: 'OPTIONS',
        headers: { Origin: APP, 'Access-Control-Request-Method': 'POST' },
      }),
    ];
    expect(answers.map(({ headers }) => corsHeaders(headers))).toEqual([{}, {}]);
  });
});
