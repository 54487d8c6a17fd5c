import { describe, expect, it } from '@jest/globals';
import type { IssuedSession } from '../src/auth/refresh-token/token-response.js';
import { bearer, call, json, refresh, signIn, type Answer } from './support/http.js';
import { eventsIn } from './support/log.js';
import { postRaw } from './support/raw-http.js';
import { serviceForTheSuite, withService } from './support/running-service.js';
import { SERVICE_KEY } from './support/service.js';
import { MISSING_TOKEN, NOT_FOUND, REFUSED, TWO_AUTHORIZATIONS, wire, WRONG_SERVICE_KEY } from './support/wire.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

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

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('opens nothing to %s', async (method) => {
    const headers = bearer(SERVICE_KEY);
    expect(wire(await call(`${running.service.url}/sessions`, { method, headers }))).toEqual(NOT_FOUND);
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
  it('leaves no way in, and the endpoint is not there', () =>
    withService('SQLite', { SERVICE_KEYS: '' }, async ({ url }) => {
      for (const headers of [{}, bearer(''), bearer('x'), bearer(SERVICE_KEY), bearer('undefined')]) {
        expect(wire(await post(url, headers))).toEqual(NOT_FOUND);
      }
      const { paths } = json<{ paths: object }>(await call(`${url}/openapi.json`, { method: 'GET' }));
      expect(Object.keys(paths)).not.toContain('/sessions');
      expect(Object.keys(paths)).toContain('/refresh_token');
    }));
});
