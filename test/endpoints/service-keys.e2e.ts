import { describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type IssuedSession, RefreshTokenService, type SessionListResponse } from 'nest-refresh-token';
import { bearer, call, json, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { postRaw } from '../support/http/raw-http.js';
import { serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { SERVICE_KEY } from '../support/servers/service.js';
import {
  INVALID_TOKEN,
  invalidRequest,
  MISSING_TOKEN,
  NOT_FOUND,
  REFUSED,
  TWO_AUTHORIZATIONS,
  wire,
  WRONG_SERVICE_KEY,
} from '../support/http/wire.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const NO_SUBJECT = invalidRequest("subject: got nothing, takes the user's id.");

function post(url: string, headers: Record<string, string>, body = '{"subject":"alice"}'): Promise<Answer> {
  return call(`${url}/sessions`, { headers: { ...JSON_TYPE, ...headers }, body });
}

describe('a service key', () => {
  const running = serviceForTheSuite('SQLite');

  it.each([{}, { Authorization: '' }, { Authorization: 'Bearer' }, { Authorization: 'Basic eDp5' }])(
    'is missing from %j',
    async (headers) => {
      expect(wire(await post(running.service.url, headers))).toEqual(MISSING_TOKEN);
    },
  );

  it.each([
    'x',
    SERVICE_KEY.slice(0, -1),
    `${SERVICE_KEY}x`,
    SERVICE_KEY.toUpperCase(),
    `${SERVICE_KEY} ${SERVICE_KEY}`,
    ` ${SERVICE_KEY}`,
    `${SERVICE_KEY},`,
    'é',
    'x'.repeat(10_000),
  ])('is wrong as %.60s: the same bytes for all', async (key) => {
    expect(wire(await post(running.service.url, bearer(key)))).toEqual(WRONG_SERVICE_KEY);
  });

  it('is not what a user holds', async () => {
    const session = await signIn(running.service.url);
    for (const token of [session.refresh_token, session.access_token]) {
      expect(wire(await post(running.service.url, bearer(token)))).toEqual(WRONG_SERVICE_KEY);
    }
  });

  it('is asked for before the input is looked at', async () => {
    const { url } = running.service;
    for (const body of ['{}', '[]', '{"subject":7}', '{"unknown":1}']) {
      expect(wire(await post(url, {}, body))).toEqual(MISSING_TOKEN);
      expect(wire(await post(url, bearer('x'), body))).toEqual(WRONG_SERVICE_KEY);
    }
  });

  it('may not come twice', async () => {
    const headers = [`Authorization: Bearer ${SERVICE_KEY}`, 'Content-Type: application/json', 'Content-Length: 2'];
    const answer = await postRaw(`${running.service.url}/sessions`, [`authorization: x`, ...headers], '{}');
    expect(wire(answer)).toEqual(TWO_AUTHORIZATIONS);
  });

  it('is good for nothing else', async () => {
    expect(wire(await refresh(running.service.url, SERVICE_KEY))).toEqual(REFUSED);
  });

  it('opens nothing to PUT', async () => {
    const headers = bearer(SERVICE_KEY);
    expect(wire(await call(`${running.service.url}/sessions`, { method: 'PUT', headers }))).toEqual(NOT_FOUND);
  });

  it.each([
    ['GET', {}],
    ['DELETE', {}],
    ['PATCH', { body: '{"claims":{"role":"admin"}}' }],
  ])('does not mean everybody to %s', async (method, body) => {
    const { url } = running.service;
    const { refresh_token } = await signIn(url);
    const headers = { ...bearer(SERVICE_KEY), ...JSON_TYPE };
    for (const query of ['', '?', '?subject', '?subject=']) {
      expect(wire(await call(`${url}/sessions${query}`, { method, headers, ...body }))).toEqual(NO_SUBJECT);
    }
    expect(decodeJwt((await refreshed(url, refresh_token)).access_token)).not.toHaveProperty('role');
  });

  it('takes the scheme in any spelling', async () => {
    const answer = await post(running.service.url, { Authorization: `bEARER ${SERVICE_KEY}` });
    expect(answer.status).toBe(201);
  });
});

describe('a wrong service key', () => {
  it('leaves a line in the log, without the key', () =>
    withService('SQLite', {}, async ({ url, log }) => {
      const wrong = 'a-wrong-key-0123456789-0123';
      await post(url, { ...bearer(wrong), 'X-Request-Id': 'request-1' });
      expect(eventsIn(log, 'service_key.refused')).toEqual([{ event: 'service_key.refused', request_id: 'request-1' }]);
      expect(log.join()).not.toContain(wrong);
    }));

  it.each(['a b', '', ' ', 'x\ty'])('is one where it is no key at all: %j', (text) =>
    withService('SQLite', {}, async ({ url }) => {
      expect((await post(url, bearer(text))).status).toBe(401);
    }),
  );
});

describe('several service keys', () => {
  const keys = ['the-first-key-0123456789', 'the-second-key-0123456789', '!#$%&()*+-./:;<=>?@[]^`{|}~'];

  it('are all good, so that one can take the place of another', () =>
    withService('SQLite', { SERVICE_KEYS: keys.join(' , ') }, async ({ url }) => {
      for (const key of keys) {
        const answer = await post(url, bearer(key));
        expect(answer.status).toBe(201);
        expect(json<IssuedSession>(answer)).toMatchObject({ subject: 'alice' });
      }
      expect(wire(await post(url, bearer(keys.join(','))))).toEqual(WRONG_SERVICE_KEY);
      expect(wire(await post(url, bearer(SERVICE_KEY)))).toEqual(WRONG_SERVICE_KEY);
    }));
});

describe('no service key, in production', () => {
  it('leaves no way in, and its endpoints are not there', () =>
    withService('SQLite', { SERVICE_KEYS: '' }, async ({ url }) => {
      for (const headers of [{}, bearer(''), bearer('x'), bearer(SERVICE_KEY), bearer('undefined')]) {
        expect(wire(await post(url, headers))).toEqual(NOT_FOUND);
        expect(wire(await call(`${url}/sessions?subject=alice`, { method: 'PATCH', headers }))).toEqual(NOT_FOUND);
      }
      for (const method of ['GET', 'DELETE']) {
        for (const key of [SERVICE_KEY, 'undefined', 'x']) {
          const answer = await call(`${url}/sessions?subject=alice`, { method, headers: bearer(key) });
          expect(wire(answer)).toEqual(INVALID_TOKEN);
        }
      }
    }));

  it('leaves users their own sessions', () =>
    withService('SQLite', { SERVICE_KEYS: '' }, async ({ url, app }) => {
      const { access_token } = await app.get(RefreshTokenService).issue({ subject: 'alice' });
      const answer = await call(`${url}/sessions`, { method: 'GET', headers: bearer(access_token) });
      expect(answer.status).toBe(200);
      expect(json<SessionListResponse>(answer).sessions).toEqual([expect.objectContaining({ current: true })]);
    }));

  it('is told to whoever reads the documents', () =>
    withService('SQLite', { SERVICE_KEYS: '' }, async ({ url }) => {
      const answer = await call(`${url}/openapi.json`, { method: 'GET' });
      const { paths } = json<{ paths: Record<string, object> }>(answer);
      expect(Object.keys(paths['/sessions'] ?? {})).toEqual(['get', 'delete']);
      expect(JSON.stringify(paths)).not.toContain('serviceKey');
    }));
});
