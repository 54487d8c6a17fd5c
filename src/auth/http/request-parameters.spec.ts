import { describe, expect, it } from '@jest/globals';
import { InvalidRequestError } from '../auth.errors.js';
import type { AuthRequest } from './auth.request.js';
import { bodyOf, queryOf } from './request-parameters.js';

const KNOWN = ['subject', 'limit'] as const;

/** A request as far as its parameters are read from it. */
function request({ type, ...parts }: { url?: string; body?: unknown; type?: string }): AuthRequest {
  return { ...parts, headers: type === undefined ? {} : { 'content-type': type } } as AuthRequest;
}

function query(url: string, known: readonly string[] = KNOWN): Record<string, string | undefined> {
  return queryOf(request({ url }), known);
}

function fields(body: unknown, type = 'application/json'): Record<string, unknown> {
  return bodyOf(request({ body, type }), KNOWN);
}

function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.message;
    throw error;
  }
  throw new Error('The request was taken.');
}

describe('the parameters of a query', () => {
  it.each<[string, Record<string, string>]>([
    ['/sessions', {}],
    ['/sessions?', {}],
    ['/sessions?&&', {}],
    ['/sessions?subject=alice', { subject: 'alice' }],
    ['/sessions?limit=5&subject=alice', { subject: 'alice', limit: '5' }],
    ['/sessions?subject=', { subject: '' }],
    ['/sessions?subject', { subject: '' }],
    ['/sessions?subject=auth0%7C17%26limit%3D5', { subject: 'auth0|17&limit=5' }],
    ['/sessions?subject=a+b', { subject: 'a b' }],
    ['/sessions?subject=j%C3%BCrgen', { subject: 'jürgen' }],
    ['/sessions?subject=a?b', { subject: 'a?b' }],
    ['/sessions?%73ubject=alice', { subject: 'alice' }],
  ])('of %s are read', (url, parameters) => {
    expect(query(url)).toEqual(parameters);
  });

  it('are none where a request has no URL', () => {
    expect(queryOf(request({}), KNOWN)).toEqual({});
  });

  it.each<[string, string]>([
    ['subjct=alice', 'subjct'],
    ['Subject=alice', 'Subject'],
    ['subject[]=alice', 'subject[]'],
    ['subject[a]=alice', 'subject[a]'],
    ['subject =alice', 'subject '],
    ['subject=alice&expect=current', 'expect'],
    ['=alice', ''],
    ['__proto__=alice', '__proto__'],
    ['constructor=alice', 'constructor'],
    ['toString', 'toString'],
  ])('are refused where one is unknown, since a misspelt one must not mean all: %s', (parameters, name) => {
    expect(refusalOf(() => query(`/sessions?${parameters}`))).toBe(
      `query: got the unknown parameter ${JSON.stringify(name)}, takes subject, limit.`,
    );
  });

  it('are refused where none is known', () => {
    expect(query('/sessions', [])).toEqual({});
    expect(refusalOf(() => query('/sessions?subject=alice', []))).toBe(
      'query: got the unknown parameter "subject", takes none.',
    );
  });

  it.each(['subject=alice&subject=bob', 'subject=&subject=alice', 'subject=alice&limit=5&%73ubject=alice'])(
    'are refused where one stands there twice: %s',
    (parameters) => {
      expect(refusalOf(() => query(`/sessions?${parameters}`))).toBe('subject: got it more than once, takes one.');
    },
  );

  it('are refused without showing what they hold, or a name that may be a token in the wrong place', () => {
    const shown = 'x'.repeat(20);

    expect(refusalOf(() => query(`/sessions?${shown}=rt_secret`))).toBe(
      `query: got the unknown parameter "${shown}", takes subject, limit.`,
    );
    expect(refusalOf(() => query(`/sessions?${shown}y=rt_secret`))).toBe(
      'query: got an unknown parameter of 21 characters, takes subject, limit.',
    );
  });
});

describe('the fields of a body', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=utf-8',
    'Application/JSON',
    'application/json ',
    'application/merge-patch+json',
    'application/vnd.api+json; charset=utf-8',
  ])('are read from JSON that says it is %s', (type) => {
    expect(fields({ subject: 'alice', limit: [5] }, type)).toEqual({ subject: 'alice', limit: [5] });
  });

  it('may be none', () => {
    expect(fields({})).toEqual({});
  });

  const NO_OBJECT = 'body: got something else, takes a JSON object with Content-Type: application/json.';

  it.each([
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=application/json',
    'application/jsonp',
    'application/json5',
    'application/+json',
    'application/json+xml',
    'x-application/json',
    'text/plain, application/json',
    '',
  ])('are not read from what says it is %j: a form of another page could send that', (type) => {
    expect(refusalOf(() => fields({ subject: 'alice' }, type))).toBe(NO_OBJECT);
  });

  it('are not read from what does not say what it is', () => {
    expect(refusalOf(() => bodyOf(request({ body: { subject: 'alice' } }), KNOWN))).toBe(NO_OBJECT);
  });

  it.each([[undefined], [null], ['{"subject":"alice"}'], [5], [true], [[]], [[{ subject: 'alice' }]]])(
    'are not read from %j, which is no object',
    (content) => {
      expect(refusalOf(() => fields(content))).toBe(NO_OBJECT);
    },
  );

  it.each([
    ['{"subjct":"alice"}', 'subjct'],
    ['{"subject":"alice","labels":null}', 'labels'],
    ['{"":1}', ''],
    ['{"__proto__":{"subject":"alice"}}', '__proto__'],
    ['{"constructor":1}', 'constructor'],
  ])('are refused where one is unknown: %s', (json, name) => {
    expect(refusalOf(() => fields(JSON.parse(json)))).toBe(
      `body: got the unknown field ${JSON.stringify(name)}, takes subject, limit.`,
    );
  });

  it('are refused without showing what they hold, or a name that may be a token in the wrong place', () => {
    const shown = 'x'.repeat(20);

    expect(refusalOf(() => fields({ [shown]: 'rt_secret' }))).toBe(
      `body: got the unknown field "${shown}", takes subject, limit.`,
    );
    expect(refusalOf(() => fields({ [`${shown}y`]: 'rt_secret' }))).toBe(
      'body: got an unknown field of 21 characters, takes subject, limit.',
    );
  });
});
