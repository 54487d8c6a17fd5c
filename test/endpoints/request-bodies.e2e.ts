import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { bearer, call, signIn, type Answer } from '../support/http/http.js';
import { postRaw } from '../support/http/raw-http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import {
  invalidRequest,
  MISSING_TOKEN,
  NOT_FOUND,
  NOT_WHAT_ITS_TYPE_SAYS,
  TOO_LARGE,
  wire,
} from '../support/http/wire.js';

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const LIMIT = 32 * 1_024;

const running = serviceForTheSuite('SQLite');
let endpoint: string;
let token: string;

beforeAll(async () => {
  endpoint = `${running.service.url}/refresh_token`;
  token = (await signIn(running.service.url)).refresh_token;
});

/** A refresh with a good token and a body. */
function withBody(body: string | Buffer, headers: Record<string, string>): Promise<Answer> {
  return call(endpoint, { headers: { ...bearer(token), ...headers }, body });
}

function inBody(name: string) {
  return invalidRequest(`${name}: got it in the body, takes a token in the Authorization header only.`);
}

describe('a harmless body is ignored', () => {
  it.each<[string, string | Buffer, Record<string, string>]>([
    ['an empty one', '', {}],
    ['an empty one that is said to be JSON', '', { 'Content-Type': JSON_TYPE }],
    ['an empty one that is said to be a form', '', { 'Content-Type': FORM_TYPE }],
    ['an empty object', '{}', { 'Content-Type': JSON_TYPE }],
    ['an empty list', '[]', { 'Content-Type': JSON_TYPE }],
    ['a JSON string', '"x"', { 'Content-Type': JSON_TYPE }],
    ['a JSON number', '0', { 'Content-Type': JSON_TYPE }],
    ['JSON null', 'null', { 'Content-Type': JSON_TYPE }],
    ['what the seed contract never asked for', '{"grant_type":"refresh_token"}', { 'Content-Type': JSON_TYPE }],
    ['a token deeper inside', '{"a":{"token":"x"}}', { 'Content-Type': JSON_TYPE }],
    ['a name that only ends like a token', '{"csrf_token":"x"}', { 'Content-Type': JSON_TYPE }],
    ['JSON that looks like a prototype', '{"__proto__":{"access_token":"x"}}', { 'Content-Type': JSON_TYPE }],
    ['JSON in UTF-8, said so', '{"a":"ü"}', { 'Content-Type': 'application/json; charset=utf-8' }],
    ['a form', 'grant_type=refresh_token', { 'Content-Type': FORM_TYPE }],
    ['text', 'hello', { 'Content-Type': 'text/plain' }],
    ['text that is not JSON', '{"token":', { 'Content-Type': 'text/plain' }],
    ['text of a charset that nobody knows', 'x', { 'Content-Type': 'text/plain; charset=klingon' }],
    ['XML', '<token/>', { 'Content-Type': 'application/xml' }],
    ['bytes', Buffer.from([0, 255, 128]), { 'Content-Type': 'application/octet-stream' }],
    ['a multipart form', '--x\r\n\r\nx\r\n--x--', { 'Content-Type': 'multipart/form-data; boundary=x' }],
    ['no content type', '{"token"', {}],
    ['a content type that is none', 'x', { 'Content-Type': ';;;' }],
    ['gzip', gzipSync('{}'), { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'gzip' }],
    ['deflate', deflateSync('{}'), { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'deflate' }],
    ['Brotli', brotliCompressSync('{}'), { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'br' }],
    ['no encoding, said so', '{}', { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'identity' }],
  ])('%s', async (_, body, headers) => {
    expect((await withBody(body, headers)).status).toBe(200);
  });
});

describe('a body that is not what its type says is a bad request', () => {
  it.each<[string, string | Buffer, Record<string, string>]>([
    ['JSON cut off', '{"a":', { 'Content-Type': JSON_TYPE }],
    ['text called JSON', 'hello', { 'Content-Type': JSON_TYPE }],
    ['a form called JSON', 'token=x', { 'Content-Type': JSON_TYPE }],
    ['two JSON values', '{}{}', { 'Content-Type': JSON_TYPE }],
    ['a kind of JSON cut off', '[', { 'Content-Type': 'application/merge-patch+json' }],
    ['JSON of another charset', '{}', { 'Content-Type': 'application/json; charset=iso-8859-1' }],
    ['JSON of a charset that nobody knows', '{}', { 'Content-Type': 'application/json; charset=utf-klingon' }],
    ['a form of a charset that nobody knows', 'a=b', { 'Content-Type': `${FORM_TYPE}; charset=klingon` }],
    ['an encoding that nobody knows', '{}', { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'klingon' }],
    ['text of an encoding that nobody knows', 'x', { 'Content-Type': 'text/plain', 'Content-Encoding': 'compress' }],
    ['two encodings', gzipSync('{}'), { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'gzip, gzip' }],
    ['JSON called gzip', '{}', { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'gzip' }],
    ['text called gzip', 'x', { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }],
    ['gzip cut off', gzipSync('{}').subarray(0, -9), { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'gzip' }],
  ])('%s', async (_, body, headers) => {
    const answer = await withBody(body, headers);
    expect(wire(answer)).toEqual(NOT_WHAT_ITS_TYPE_SAYS);
  });

  it('before anybody asks for a token, and on every path', async () => {
    const broken = { headers: { 'Content-Type': JSON_TYPE }, body: '{"' };
    for (const path of ['/refresh_token', '/logout', '/sessions']) {
      expect(wire(await call(running.service.url + path, broken))).toEqual(NOT_WHAT_ITS_TYPE_SAYS);
    }
  });

  it('and is told back to nobody', async () => {
    const { text } = await withBody(`{"a": ${token}`, { 'Content-Type': JSON_TYPE });
    expect(text).not.toContain(token);
    expect(running.service.log.join('\n')).not.toContain(token);
  });
});

describe('a token in the body makes a bad request of a good one', () => {
  it.each<[string, string, string | Buffer, Record<string, string>]>([
    ['access_token', 'JSON', '{"access_token":"x"}', { 'Content-Type': JSON_TYPE }],
    ['refresh_token', 'JSON', '{"refresh_token":"x"}', { 'Content-Type': JSON_TYPE }],
    ['token', 'JSON', '{"token":"x"}', { 'Content-Type': JSON_TYPE }],
    ['token', 'JSON, among others', '{"a":1,"token":"x","b":2}', { 'Content-Type': JSON_TYPE }],
    ['token', 'JSON, empty', '{"token":""}', { 'Content-Type': JSON_TYPE }],
    ['token', 'JSON, null', '{"token":null}', { 'Content-Type': JSON_TYPE }],
    ['token', 'JSON, a list', '{"token":["x","y"]}', { 'Content-Type': JSON_TYPE }],
    ['token', 'JSON, with a subscript', '{"token[]":"x"}', { 'Content-Type': JSON_TYPE }],
    ['token', 'JSON, spelled with an escape', '{"\\u0074oken":"x"}', { 'Content-Type': JSON_TYPE }],
    ['token', 'JSON behind a byte order mark', '\u{FEFF}{"token":"x"}', { 'Content-Type': JSON_TYPE }],
    ['token', 'JSON, its type in capitals', '{"token":"x"}', { 'Content-Type': 'APPLICATION/JSON' }],
    ['token', 'a kind of JSON', '{"token":"x"}', { 'Content-Type': 'application/merge-patch+json' }],
    ['token', 'JSON, gzipped', gzipSync('{"token":"x"}'), { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'gzip' }],
    ['access_token', 'a form', 'access_token=x', { 'Content-Type': FORM_TYPE }],
    ['refresh_token', 'a form', 'refresh_token=x', { 'Content-Type': FORM_TYPE }],
    ['token', 'a form', 'a=1&token=x', { 'Content-Type': FORM_TYPE }],
    ['token', 'a form, empty', 'token', { 'Content-Type': FORM_TYPE }],
    ['token', 'a form, repeated', 'token=a&token=b', { 'Content-Type': FORM_TYPE }],
    ['token', 'a form, with a subscript', 'token%5B%5D=x', { 'Content-Type': FORM_TYPE }],
    ['token', 'a form, its charset said', 'token=x', { 'Content-Type': `${FORM_TYPE}; charset=utf-8` }],
  ])('%s: %s', async (name, _, body, headers) => {
    expect(wire(await withBody(body, headers))).toEqual(inBody(name));
  });

  it('and of one without an Authorization header', async () => {
    const answer = await call(endpoint, { headers: { 'Content-Type': JSON_TYPE }, body: '{"refresh_token":"x"}' });
    expect(wire(answer)).toEqual(inBody('refresh_token'));
  });

  it('and a form of too many parameters to look through is one anyway', async () => {
    const body = `${'a&'.repeat(2_000)}token=x`;
    expect(wire(await withBody(body, { 'Content-Type': FORM_TYPE }))).toEqual(NOT_WHAT_ITS_TYPE_SAYS);
  });
});

describe('a body of at most 32 KiB is read, of whatever type', () => {
  const types: [string, (size: number) => string][] = [
    [JSON_TYPE, (size) => `"${'a'.repeat(size - 2)}"`],
    [FORM_TYPE, (size) => `a=${'a'.repeat(size - 2)}`],
    ['text/plain', (size) => 'a'.repeat(size)],
    ['multipart/form-data; boundary=x', (size) => 'a'.repeat(size)],
    ['application/octet-stream', (size) => '\0'.repeat(size)],
  ];

  it.each(types)('%s, its length given', async (type, ofSize) => {
    expect((await withBody(ofSize(LIMIT), { 'Content-Type': type })).status).toBe(200);
    expect(wire(await withBody(ofSize(LIMIT + 1), { 'Content-Type': type }))).toEqual(TOO_LARGE);
  });

  it.each(types)('%s, in chunks', async (type, ofSize) => {
    const headers = [`Authorization: Bearer ${token}`, `Content-Type: ${type}`, 'Transfer-Encoding: chunked'];
    expect((await postRaw(endpoint, headers, chunked(ofSize(LIMIT)))).status).toBe(200);
    expect(wire(await postRaw(endpoint, headers, chunked(ofSize(LIMIT + 1))))).toEqual(TOO_LARGE);
  });

  it.each(types)('%s, as it is when inflated', async (type, ofSize) => {
    const headers = { 'Content-Type': type, 'Content-Encoding': 'gzip' };
    expect((await withBody(gzipSync(ofSize(LIMIT)), headers)).status).toBe(200);
    expect(wire(await withBody(gzipSync(ofSize(LIMIT + 1)), headers))).toEqual(TOO_LARGE);
    expect(wire(await withBody(gzipSync(ofSize(1_000 * LIMIT)), headers))).toEqual(TOO_LARGE);
  });

  it('without a type', async () => {
    expect((await withBody('a'.repeat(LIMIT), {})).status).toBe(200);
    expect(wire(await withBody('a'.repeat(LIMIT + 1), {}))).toEqual(TOO_LARGE);
  });

  it('before anybody asks for a token, and on every path', async () => {
    const body = 'a'.repeat(LIMIT + 1);
    for (const path of ['/refresh_token', '/logout', '/sessions', '/nothing']) {
      expect(wire(await call(running.service.url + path, { body }))).toEqual(TOO_LARGE);
    }
    expect(wire(await call(`${running.service.url}/nothing`, { body: 'a' }))).toEqual(NOT_FOUND);
  });

  it('and with no token it is no token', async () => {
    expect(wire(await call(endpoint, { body: 'a'.repeat(LIMIT) }))).toEqual(MISSING_TOKEN);
  });
});

/** A body in chunks of at most 10,000 bytes. */
function chunked(body: string): string {
  const parts = body.match(/[^]{1,10000}/g) ?? [];
  return [...parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`), '0\r\n\r\n'].join('');
}
