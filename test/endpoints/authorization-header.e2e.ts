import { beforeAll, describe, expect, it } from '@jest/globals';
import { WITH_COOKIES } from '../support/http/cookies.js';
import { bearer, call, signIn } from '../support/http/http.js';
import { eventsIn } from '../support/servers/log.js';
import { postRaw } from '../support/http/raw-http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { invalidRequest, NO_CONTENT, MISSING_TOKEN, REFUSED, TWO_AUTHORIZATIONS, wire } from '../support/http/wire.js';

/** Valid in form, and of no session. */
const FORGED = `rt_${'A'.repeat(60)}`;

function inQuery(name: string) {
  return invalidRequest(`${name}: got it in the query, takes a token in the Authorization header only.`);
}

// Who has a header has the same contract, whether others have cookies or not.
describe.each<[string, Record<string, string>]>([
  ['as it comes', {}],
  ['with cookies', WITH_COOKIES],
])('At a service %s:', (_name, env) => {
  const running = serviceForTheSuite('SQLite', env);
  let endpoint: string;
  let token: string;

  beforeAll(async () => {
    endpoint = `${running.service.url}/refresh_token`;
    token = (await signIn(running.service.url)).refresh_token;
  });

  describe('the scheme', () => {
    it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('may be spelled %s', async (scheme) => {
      expect((await call(endpoint, { headers: { Authorization: `${scheme} ${token}` } })).status).toBe(200);
    });

    it.each(['Basic dXNlcjpwYXNz', 'Digest x', 'DPoP x', 'Bearerx', `Token ${FORGED}`, FORGED, 'Negotiate'])(
      'of %j is another one: no token was presented',
      async (value) => {
        expect(wire(await call(endpoint, { headers: { Authorization: value } }))).toEqual(MISSING_TOKEN);
      },
    );
  });

  describe('no token', () => {
    it('without the header', async () => {
      expect(wire(await call(endpoint))).toEqual(MISSING_TOKEN);
    });

    it.each(['', 'Bearer', 'Bearer ', 'Bearer    ', 'Bearer \t ', 'BEARER'])('in %j', async (value) => {
      expect(wire(await call(endpoint, { headers: { Authorization: value } }))).toEqual(MISSING_TOKEN);
    });

    it('in a trailer', async () => {
      const headers = ['Transfer-Encoding: chunked', 'Trailer: Authorization'];
      const body = `0\r\nAuthorization: Bearer ${token}\r\n\r\n`;
      expect(wire(await postRaw(endpoint, headers, body))).toEqual(MISSING_TOKEN);
    });

    it('is no refusal for the log', async () => {
      const before = running.service.log.length;
      await call(endpoint);
      expect(running.service.log.slice(before)).toEqual([]);
    });
  });

  describe('a good token', () => {
    it.each([
      ['two words', (good: string) => `a ${good}`],
      ['itself twice', (good: string) => `${good} ${good}`],
      ['two spaces before it', (good: string) => ` ${good}`],
      ['a comma after it', (good: string) => `${good},`],
      ['quotes around it', (good: string) => `"${good}"`],
      ['two credentials in one header', (good: string) => `x, Bearer ${good}`],
      ['its name before it', (good: string) => `refresh_token=${good}`],
      ['a percent escape in it', (good: string) => good.replace('_', '%5F')],
      ['its prefix spelled differently', (good: string) => good.replace('rt_', 'RT_')],
      ['padding after it', (good: string) => `${good}=`],
    ])('is not good with %s', async (_, spoiled) => {
      expect(wire(await call(endpoint, { headers: bearer(spoiled(token)) }))).toEqual(REFUSED);
    });

    it('is not good after a tab', async () => {
      expect(wire(await call(endpoint, { headers: { Authorization: `Bearer\t${token}` } }))).toEqual(REFUSED);
    });
  });

  describe('two headers', () => {
    it.each<[string, (good: string) => string[]]>([
      ['the same twice', (good) => [`Authorization: ${good}`, `Authorization: ${good}`]],
      ['the same twice, the name spelled differently', (good) => [`Authorization: ${good}`, `authorization: ${good}`]],
      ['a good one first', (good) => [`AUTHORIZATION: ${good}`, 'Authorization: Bearer x']],
      ['a good one last', (good) => ['authorization: Bearer x', `AuThOrIzAtIoN: ${good}`]],
      ['another scheme first', (good) => ['Authorization: Basic eDp5', `Authorization: ${good}`]],
      ['an empty one first', (good) => ['Authorization:', `Authorization: ${good}`]],
      ['an empty one last, apart', (good) => [`Authorization: ${good}`, 'X-Between: 1', 'Authorization:']],
    ])('are one too many: %s', async (_, headers) => {
      expect(wire(await postRaw(endpoint, headers(`Bearer ${token}`)))).toEqual(TWO_AUTHORIZATIONS);
    });
  });

  describe('a token in the query', () => {
    it.each([
      ['access_token', 'access_token=x'],
      ['access_token', 'access_token'],
      ['access_token', 'access_token='],
      ['access_token', 'a=1&access_token=x&b=2'],
      ['access_token', 'access_token[]=x'],
      ['refresh_token', 'refresh_token=x'],
      ['refresh_token', 'refresh_token=a&refresh_token=b'],
      ['refresh_token', 'refresh_token[a]=x'],
      ['token', 'token=x'],
      ['token', 'token=&token='],
      ['token', 'token%5B%5D=x'],
      ['token', '%74oken=x'],
      ['token', 'token[0]=x&token[1]=y'],
    ])('makes a bad request of a good one: %s in %s', async (name, query) => {
      expect(wire(await call(`${endpoint}?${query}`, { headers: bearer(token) }))).toEqual(inQuery(name));
    });

    it('does so too behind more parameters than the query parser of Express reads', async () => {
      const query = `${'a&'.repeat(2_000)}token=x`;
      expect(wire(await call(`${endpoint}?${query}`, { headers: bearer(token) }))).toEqual(inQuery('token'));
    });

    it.each(['tokens=x', 'my_token=x', 'access-token=x', 'filter[token]=x', 'x=token', ''])(
      'is not what %j is',
      async (query) => {
        expect((await call(`${endpoint}?${query}`, { headers: bearer(token) })).status).toBe(200);
      },
    );
  });

  describe('the order of the checks', () => {
    it.each<[string, string[]]>([
      ['no header', []],
      ['another scheme', ['Authorization: Basic eDp5']],
      ['a forged token', [`Authorization: Bearer ${FORGED}`]],
      ['a malformed token', ['Authorization: Bearer a b']],
    ])('a bad request comes before %s', async (_, headers) => {
      const before = running.service.log.length;
      expect(wire(await postRaw(`${endpoint}?token=x`, headers))).toEqual(inQuery('token'));
      expect(running.service.log.slice(before)).toEqual([]);
    });

    it('two headers come before everything', async () => {
      const answer = await postRaw(`${endpoint}?token=x`, ['Authorization: a', 'Authorization: b']);
      expect(wire(answer)).toEqual(TWO_AUTHORIZATIONS);
    });
  });

  it('nothing of all that has ended the session', async () => {
    expect((await call(endpoint, { headers: bearer(token) })).status).toBe(200);
    expect(wire(await call(`${running.service.url}/logout`, { headers: bearer(token) }))).toEqual(NO_CONTENT);
    expect(eventsIn(running.service.log, 'refresh.refused').filter(({ reason }) => reason === 'reuse')).toEqual([]);
  });
});
