import { beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { bearer, call, postSession, type Answer } from '../support/http/http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { SERVICE_KEY } from '../support/servers/service.js';
import { invalidRequest, NOT_WHAT_ITS_TYPE_SAYS, TOO_LARGE, wire } from '../support/http/wire.js';

const LIMIT = 32 * 1_024;
const NOT_A_JSON_OBJECT = invalidRequest(
  'body: got something else, takes a JSON object with Content-Type: application/json.',
);
const RESERVED = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'sid', 'client_id', 'scope', 'auth_time', 'cnf'];
const SUBJECT_TAKES = 'takes a string of 1 to 255 characters.';
const CLAIMS_TAKES = 'takes an object of at most 4096 bytes of JSON.';
const SCOPE_TAKES = 'takes space-separated words of printable ASCII without " and \\, at most 1024 characters.';
const CLIENT_TAKES = 'takes a string of 1 to 255 printable ASCII characters.';
const LABEL_TAKES = 'takes a string of 1 to 100 characters.';
const USER_AGENT_TAKES = 'takes a string, the User-Agent header of the login.';
const IP_TAKES = 'takes an IPv4 or IPv6 address.';
const BOOLEAN_TAKES = 'takes true or false.';
const FIELDS = 'takes subject, claims, scope, client_id, label, user_agent, ip, revoke_others.';

describeOnEachDatabase('bad input to POST /sessions', (databaseName) => {
  const running = serviceForTheSuite(databaseName);

  function post(body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
    return call(`${running.service.url}/sessions`, {
      headers: { ...bearer(SERVICE_KEY), 'Content-Type': 'application/json', ...headers },
      body,
    });
  }

  async function rows(): Promise<unknown> {
    return running.service.app.get(DataSource).query('SELECT * FROM refresh_token_sessions');
  }

  it.each<[string, object, string]>([
    ['no subject', {}, `subject: got nothing, ${SUBJECT_TAKES}`],
    ['null for a subject', { subject: null }, `subject: got null, ${SUBJECT_TAKES}`],
    ['a number for a subject', { subject: 7 }, `subject: got a number, ${SUBJECT_TAKES}`],
    ['a boolean for a subject', { subject: true }, `subject: got a boolean, ${SUBJECT_TAKES}`],
    ['a list for a subject', { subject: ['alice'] }, `subject: got an array, ${SUBJECT_TAKES}`],
    ['an object for a subject', { subject: { id: 'a' } }, `subject: got an object, ${SUBJECT_TAKES}`],
    ['an empty subject', { subject: '' }, `subject: got 0 characters, ${SUBJECT_TAKES}`],
    ['a subject too long', { subject: 'a'.repeat(256) }, `subject: got 256 characters, ${SUBJECT_TAKES}`],
    ['U+0000 in a subject', { subject: 'a\0' }, `subject: got U+0000 or half a character, ${SUBJECT_TAKES}`],
    [
      'half a character in a subject',
      { subject: '\uD83D' },
      `subject: got U+0000 or half a character, ${SUBJECT_TAKES}`,
    ],

    ['null for claims', { subject: 'a', claims: null }, `claims: got null, ${CLAIMS_TAKES}`],
    ['text for claims', { subject: 'a', claims: '{}' }, `claims: got a string, ${CLAIMS_TAKES}`],
    ['a list for claims', { subject: 'a', claims: [] }, `claims: got an array, ${CLAIMS_TAKES}`],
    ['claims too large', { subject: 'a', claims: claimsOf(4_097) }, `claims: got 4097 bytes, ${CLAIMS_TAKES}`],
    [
      'U+0000 deep in claims',
      { subject: 'a', claims: { b: [{ c: '\0' }] } },
      `claims: got U+0000 or half a character in a string, ${CLAIMS_TAKES}`,
    ],
    [
      'U+0000 in a name in claims',
      { subject: 'a', claims: { 'b\0': 1 } },
      `claims: got U+0000 or half a character in a string, ${CLAIMS_TAKES}`,
    ],
    ...RESERVED.map((name): [string, object, string] => [
      `the claim ${name}`,
      { subject: 'a', claims: { roles: [], [name]: 'x' } },
      `claims: got the reserved name "${name}", takes any but ${RESERVED.join(', ')}.`,
    ]),

    ['null for a scope', { subject: 'a', scope: null }, `scope: got null, ${SCOPE_TAKES}`],
    ['a list for a scope', { subject: 'a', scope: ['read'] }, `scope: got an array, ${SCOPE_TAKES}`],
    ['a scope too long', { subject: 'a', scope: 'a'.repeat(1_025) }, `scope: got 1025 characters, ${SCOPE_TAKES}`],
    ['U+0000 in a scope', { subject: 'a', scope: 'a\0' }, `scope: got something else, ${SCOPE_TAKES}`],
    ['a line break in a scope', { subject: 'a', scope: 'a\nb' }, `scope: got something else, ${SCOPE_TAKES}`],

    ['null for a client', { subject: 'a', client_id: null }, `client_id: got null, ${CLIENT_TAKES}`],
    ['an empty client', { subject: 'a', client_id: '' }, `client_id: got 0 characters, ${CLIENT_TAKES}`],
    [
      'a client too long',
      { subject: 'a', client_id: 'a'.repeat(256) },
      `client_id: got 256 characters, ${CLIENT_TAKES}`,
    ],
    ['U+0000 in a client', { subject: 'a', client_id: '\0' }, `client_id: got other characters, ${CLIENT_TAKES}`],

    ['null for a label', { subject: 'a', label: null }, `label: got null, ${LABEL_TAKES}`],
    ['an empty label', { subject: 'a', label: '' }, `label: got 0 characters, ${LABEL_TAKES}`],
    ['a label too long', { subject: 'a', label: 'é'.repeat(101) }, `label: got 101 characters, ${LABEL_TAKES}`],
    ['U+0000 in a label', { subject: 'a', label: '\0' }, `label: got U+0000 or half a character, ${LABEL_TAKES}`],
    ['a number for a User-Agent', { subject: 'a', user_agent: 7 }, `user_agent: got a number, ${USER_AGENT_TAKES}`],
    [
      'half a character in a User-Agent',
      { subject: 'a', user_agent: '\uD83D' },
      `user_agent: got U+0000 or half a character, ${USER_AGENT_TAKES}`,
    ],
    ['a number for an address', { subject: 'a', ip: 7 }, `ip: got a number, ${IP_TAKES}`],
    ...[' ', 'localhost', '127.1', '1.2.3.4:x', '[::1]', '1.2.3.4, 5.6.7.8', '1'.repeat(10_000)].map(
      (ip): [string, object, string] => [
        `the address ${ip.slice(0, 20)}`,
        { subject: 'a', ip },
        `ip: got something else, ${IP_TAKES}`,
      ],
    ),
    ['text for a boolean', { subject: 'a', revoke_others: 'false' }, `revoke_others: got a string, ${BOOLEAN_TAKES}`],
    ['null for a boolean', { subject: 'a', revoke_others: null }, `revoke_others: got null, ${BOOLEAN_TAKES}`],

    ...['clientId', 'session_id', 'sub', 'access_token', 'Subject', 'auth_time', 'constructor', 'toString'].map(
      (name): [string, object, string] => [
        `the unknown field ${name}`,
        { subject: 'a', [name]: 'x' },
        `body: got the unknown field "${name}", ${FIELDS}`,
      ],
    ),
  ])('is 400, and the description says all: %s', async (_, body, description) => {
    expect(wire(await postSession(running.service.url, body))).toEqual(invalidRequest(description));
  });

  it('does not pass for a field by a prototype', async () => {
    const description = `body: got the unknown field "__proto__", ${FIELDS}`;
    expect(wire(await post('{"subject":"a","__proto__":{"scope":"admin"}}'))).toEqual(invalidRequest(description));
    expect(wire(await post('{"__proto__":{"subject":"a"}}'))).toEqual(invalidRequest(description));
    expect(wire(await post('{"subject":"a","claims":{"__proto__":{"admin":true}}}'))).toMatchObject({ status: 400 });
  });

  it('of a very long unknown field is told back in short', async () => {
    const { status, text } = await postSession(running.service.url, { subject: 'a', ['x'.repeat(10_000)]: 1 });
    expect(status).toBe(400);
    expect(text.length).toBeLessThan(300);
  });

  it.each(['[]', '[{"subject":"alice"}]', '"alice"', '7', 'null', 'true'])(
    'is a body that is no object: %s',
    async (body) => {
      expect(wire(await post(body))).toEqual(NOT_A_JSON_OBJECT);
    },
  );

  it('is an empty body', async () => {
    expect(wire(await post(''))).toEqual(invalidRequest(`subject: got nothing, ${SUBJECT_TAKES}`));
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'text/json',
    'application/jsonx',
    '',
  ])('is a body that is not called JSON, whatever it holds: %j', async (type) => {
    expect(wire(await post('{"subject":"alice"}', { 'Content-Type': type }))).toEqual(NOT_A_JSON_OBJECT);
  });

  it('is a form with the right fields', async () => {
    const answer = await post('subject=alice', { 'Content-Type': 'application/x-www-form-urlencoded' });
    expect(wire(answer)).toEqual(NOT_A_JSON_OBJECT);
  });

  it('is no body', async () => {
    const answer = await call(`${running.service.url}/sessions`, { headers: bearer(SERVICE_KEY) });
    expect(wire(answer)).toEqual(NOT_A_JSON_OBJECT);
  });

  it('is JSON that is none', async () => {
    expect(wire(await post('{"subject":'))).toEqual(NOT_WHAT_ITS_TYPE_SAYS);
    expect(wire(await post('{}', { 'Content-Type': 'application/json; charset=latin1' }))).toEqual(
      NOT_WHAT_ITS_TYPE_SAYS,
    );
  });

  it('is a body over 32 KiB', async () => {
    const padded = (size: number) => `{"subject":"alice"}${' '.repeat(size - 19)}`;
    expect(wire(await post(padded(LIMIT + 1)))).toEqual(TOO_LARGE);
    expect(wire(await call(`${running.service.url}/sessions`, { body: padded(LIMIT + 1) }))).toEqual(TOO_LARGE);
  });

  it('starts no session', async () => {
    expect(await rows()).toEqual([]);
  });
});

describe('good input to POST /sessions, at its limits', () => {
  const running = serviceForTheSuite('SQLite');
  let url: string;

  beforeAll(() => {
    url = running.service.url;
  });

  it.each<[string, object]>([
    ['claims of 4,096 bytes', { claims: claimsOf(4_096) }],
    ['claims without any', { claims: {} }],
    ['registered names below the top', { claims: { user: { sub: 'x', exp: 1 } } }],
    ['a scope of 1,024 characters', { scope: 'a'.repeat(1_024) }],
    ['a client of 255 characters', { client_id: 'a'.repeat(255) }],
    ['a label of 100 characters', { label: '🦉'.repeat(100) }],
    ['a User-Agent of 10,000 characters, which is cut', { user_agent: '🦉'.repeat(5_000) }],
    ['an empty User-Agent', { user_agent: '' }],
    ['null for a User-Agent', { user_agent: null }],
    ['null for an address', { ip: null }],
    ['an empty address', { ip: '' }],
    ['an address with a port', { ip: '[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535' }],
    ['the longest address', { ip: 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255' }],
    ['to end no others', { revoke_others: false }],
  ])('is taken: %s', async (_, more) => {
    expect((await postSession(url, { subject: 'alice', ...more })).status).toBe(201);
  });

  it('is taken: a body of exactly 32 KiB', async () => {
    const answer = await call(`${url}/sessions`, {
      headers: { ...bearer(SERVICE_KEY), 'Content-Type': 'application/json' },
      body: `{"subject":"alice"}${' '.repeat(LIMIT - 19)}`,
    });
    expect(answer.status).toBe(201);
  });

  it.each([
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'APPLICATION/JSON',
    'application/vnd.api+json',
  ])('is taken as %s', async (type) => {
    const headers = { ...bearer(SERVICE_KEY), 'Content-Type': type };
    expect((await call(`${url}/sessions`, { headers, body: '{"subject":"alice"}' })).status).toBe(201);
  });
});

/** Claims that are `size` bytes as JSON. */
function claimsOf(size: number): object {
  return { pad: 'x'.repeat(size - '{"pad":""}'.length) };
}
