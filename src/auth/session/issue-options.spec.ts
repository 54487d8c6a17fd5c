import { describe, expect, it } from '@jest/globals';
import { InvalidRequestError } from '../auth.errors.js';
import { checkIssueOptions, REGISTERED_CLAIMS, type IssueOptions } from './issue-options.js';

/** What is wrong, and not more: the text before `, takes`. Anything may come in, as JSON may bring it. */
function refusalOf(options: Record<string, unknown>): string {
  try {
    checkIssueOptions({ subject: 'alice', ...options } as IssueOptions);
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.message;
    throw error;
  }
  throw new Error('The options were taken.');
}

function claimsOf(claims: unknown): unknown {
  return checkIssueOptions({ subject: 'alice', claims } as IssueOptions).claims;
}

/** Claims that are `size` bytes as JSON. */
function claimsOfSize(size: number): Record<string, string> {
  return { pad: 'x'.repeat(size - '{"pad":""}'.length) };
}

describe('checkIssueOptions', () => {
  it('takes a subject alone', () => {
    expect(checkIssueOptions({ subject: 'alice' })).toEqual({
      subject: 'alice',
      claims: null,
      scope: null,
      clientId: null,
      label: null,
      userAgent: null,
      ip: null,
    });
  });

  it('takes all options together', () => {
    const options = {
      subject: '17',
      claims: { roles: ['admin'] },
      scope: 'read write',
      clientId: 'web app',
      label: 'My phone',
      userAgent: 'Firefox/140.0',
      ip: '203.0.113.7',
    };

    expect(checkIssueOptions(options)).toEqual(options);
  });

  it('refuses what it does not know: a misspelt option would be one that is not set', () => {
    for (const stranger of ['revokeOther', 'id', 'used']) {
      const options = { subject: 'alice', [stranger]: true };
      expect(() => checkIssueOptions(options)).toThrow(
        new InvalidRequestError(
          `options: got the unknown "${stranger}", takes subject, claims, scope, clientId, label, userAgent, ip, revokeOthers.`,
        ),
      );
    }
  });

  describe('subject', () => {
    it.each(['0', 'x'.repeat(255), '😀'.repeat(255), ' ', 'auth0|5f7c8ec7', 'jürgen', '👩‍🚀', String.raw`\u0000`])(
      'takes %j',
      (subject) => {
        expect(checkIssueOptions({ subject }).subject).toBe(subject);
      },
    );

    it.each<[unknown, string]>([
      [undefined, 'nothing'],
      [null, 'null'],
      [17, 'a number'],
      [['alice'], 'an array'],
      [{ id: 'alice' }, 'an object'],
      ['', '0 characters'],
      ['x'.repeat(256), '256 characters'],
      ['😀'.repeat(256), '256 characters'],
      ['ali\0ce', 'U+0000 or half a character'],
      ['ali\uD83D', 'U+0000 or half a character'],
      ['\uDE00ce', 'U+0000 or half a character'],
    ])('does not take %j', (subject, got) => {
      expect(refusalOf({ subject })).toBe(`subject: got ${got}, takes a string of 1 to 255 characters.`);
    });
  });

  describe('scope', () => {
    it.each(['read', 'read write', '!#[]~', 'x'.repeat(1_024)])('takes %j', (scope) => {
      expect(checkIssueOptions({ subject: 'alice', scope }).scope).toBe(scope);
    });

    it.each<[unknown, string]>([
      [null, 'null'],
      [['read'], 'an array'],
      ['x'.repeat(1_025), '1025 characters'],
      ['', 'something else'],
      [' read', 'something else'],
      ['read ', 'something else'],
      ['read  write', 'something else'],
      ['read\twrite', 'something else'],
      ['read\n', 'something else'],
      ['re"ad', 'something else'],
      ['re\\ad', 'something else'],
      ['réad', 'something else'],
      ['read\0', 'something else'],
    ])('does not take %j', (scope, got) => {
      expect(refusalOf({ scope })).toBe(
        `scope: got ${got}, takes space-separated words of printable ASCII without " and \\, at most 1024 characters.`,
      );
    });
  });

  describe('clientId', () => {
    it.each(['web', 'my app', '"\\', 'x'.repeat(255)])('takes %j', (clientId) => {
      expect(checkIssueOptions({ subject: 'alice', clientId }).clientId).toBe(clientId);
    });

    it.each<[unknown, string]>([
      [null, 'null'],
      [7, 'a number'],
      ['', '0 characters'],
      ['x'.repeat(256), '256 characters'],
      ['wéb', 'other characters'],
      ['web\n', 'other characters'],
      ['web\0', 'other characters'],
    ])('does not take %j', (clientId, got) => {
      expect(refusalOf({ clientId })).toBe(
        `client_id: got ${got}, takes a string of 1 to 255 printable ASCII characters.`,
      );
    });
  });

  describe('label', () => {
    it.each(['x', ' ', "Alice's phone", '👩‍🚀'.repeat(33), '😀'.repeat(100), 'x'.repeat(100), '<b>', '\n'])(
      'takes %j',
      (label) => {
        expect(checkIssueOptions({ subject: 'alice', label }).label).toBe(label);
      },
    );

    it.each<[unknown, string]>([
      [null, 'null'],
      [7, 'a number'],
      [['phone'], 'an array'],
      ['', '0 characters'],
      ['x'.repeat(101), '101 characters'],
      ['😀'.repeat(101), '101 characters'],
      ['pho\0ne', 'U+0000 or half a character'],
      ['pho\uD83D', 'U+0000 or half a character'],
    ])('does not take %j', (label, got) => {
      expect(refusalOf({ label })).toBe(`label: got ${got}, takes a string of 1 to 100 characters.`);
    });
  });

  describe('userAgent', () => {
    it.each(['Firefox/140.0', 'x'.repeat(512), '😀'.repeat(512)])('takes %j', (userAgent) => {
      expect(checkIssueOptions({ subject: 'alice', userAgent }).userAgent).toBe(userAgent);
    });

    it('is none where it is empty: a login must not fail for a header', () => {
      expect(checkIssueOptions({ subject: 'alice', userAgent: '' }).userAgent).toBeNull();
    });

    it('is cut to 512 characters, and never through one', () => {
      const cut = (userAgent: string) => checkIssueOptions({ subject: 'alice', userAgent }).userAgent;

      expect(cut('x'.repeat(513))).toBe('x'.repeat(512));
      expect(cut(`${'x'.repeat(511)}😀😀`)).toBe(`${'x'.repeat(511)}😀`);
    });

    it.each([null, undefined, ''])('takes %j for none', (userAgent) => {
      expect(checkIssueOptions({ subject: 'alice', userAgent }).userAgent).toBeNull();
    });

    it.each<[unknown, string]>([
      [7, 'a number'],
      [['Firefox/140.0'], 'an array'],
      ['Fire\0fox', 'U+0000 or half a character'],
      ['Fire\uD83D', 'U+0000 or half a character'],
      [`${'x'.repeat(600)}\0`, 'U+0000 or half a character'],
    ])('does not take %j', (userAgent, got) => {
      expect(refusalOf({ userAgent })).toBe(
        `user_agent: got ${got}, takes a string, the User-Agent header of the login.`,
      );
    });
  });

  describe('ip', () => {
    it.each([
      ['203.0.113.7', '203.0.113.7'],
      ['2001:db8::1', '2001:db8::1'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['203.0.113.7:80', '203.0.113.7'],
      ['[2001:db8::1]:80', '2001:db8::1'],
    ])('takes %s as %s', (ip, address) => {
      expect(checkIssueOptions({ subject: 'alice', ip }).ip).toBe(address);
    });

    it.each([null, undefined, '', 'unknown'])('takes %j for none', (ip) => {
      expect(checkIssueOptions({ subject: 'alice', ip }).ip).toBeNull();
    });

    it.each<[unknown, string]>([
      [7, 'a number'],
      [['203.0.113.7'], 'an array'],
      [' ', 'something else'],
      ['Unknown', 'something else'],
      ['localhost', 'something else'],
      ['localhost:80', 'something else'],
      ['[2001:db8::1]', 'something else'],
      ['203.0.113.7, 10.0.0.1', 'something else'],
      ['203.0.113.0/24', 'something else'],
      ['203.0.113.256', 'something else'],
      ['203.0.113.7\0', 'something else'],
    ])('does not take %j', (ip, got) => {
      expect(refusalOf({ ip })).toBe(`ip: got ${got}, takes an IPv4 or IPv6 address.`);
    });
  });

  describe('revokeOthers', () => {
    it.each([true, false, undefined])('takes %s', (revokeOthers) => {
      expect(checkIssueOptions({ subject: 'alice', revokeOthers }).subject).toBe('alice');
    });

    it.each<[unknown, string]>([
      [null, 'null'],
      [1, 'a number'],
      ['true', 'a string'],
      ['false', 'a string'],
      [[], 'an array'],
    ])('does not take %j, which might have been meant for either', (revokeOthers, got) => {
      expect(refusalOf({ revokeOthers })).toBe(`revoke_others: got ${got}, takes true or false.`);
    });
  });

  describe('claims', () => {
    it.each([
      {},
      { roles: ['admin', 'staff'], tenant: { id: 7, plan: null }, active: true },
      // What looks like an escape, and is a backslash and five more characters.
      { path: String.raw`C:\u0000`, deeper: [String.raw`\\u0000 \ud800`] },
      { [String.raw`\u0000`]: 1 },
      { name: 'Jürgen 👩‍🚀', '🔑': '\\' },
      // Only the names at the top are registered.
      { user: { sub: 'alice', exp: 1 } },
      claimsOfSize(4_096),
    ])('takes %j', (claims) => {
      expect(claimsOf(claims)).toEqual(claims);
    });

    it('takes them as JSON has them, and later changes do not reach the session', () => {
      const claims = { at: new Date(0), none: undefined, roles: ['staff'] };
      const taken = claimsOf(claims);
      claims.roles.push('admin');

      expect(taken).toEqual({ at: '1970-01-01T00:00:00.000Z', roles: ['staff'] });
    });

    it('does not let the registered names be set', () => {
      const names = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'sid', 'client_id', 'scope', 'auth_time', 'cnf'];

      expect([...REGISTERED_CLAIMS].toSorted()).toEqual(names.toSorted());
      for (const name of names) {
        expect(refusalOf({ claims: { roles: [], [name]: 'x' } })).toBe(
          `claims: got the reserved name "${name}", takes any but ${names.join(', ')}.`,
        );
      }
    });

    it('does not let them be set by what an object says of itself as JSON', () => {
      expect(refusalOf({ claims: { toJSON: () => ({ scope: 'admin' }) } })).toMatch(/^claims: got /);
    });

    it.each([[undefined], ['text'], [['roles']]])('takes no object that is %j as JSON', (json) => {
      expect(refusalOf({ claims: { toJSON: () => json } })).toMatch(/^claims: got .+, takes an object of at most /);
    });

    it('does not take a prototype', () => {
      expect(refusalOf({ claims: JSON.parse('{"__proto__": {"admin": true}}') })).toMatch(
        /^claims: got the reserved name "__proto__"/,
      );
    });

    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    it.each<[string, unknown, string]>([
      ['null', null, 'null'],
      ['an array', [{ role: 'admin' }], 'an array'],
      ['text', '{"role":"admin"}', 'a string'],
      ['a number', 7, 'a number'],
      ['4,097 bytes', claimsOfSize(4_097), '4097 bytes'],
      ['4,097 bytes in fewer characters', { pad: `${'é'.repeat(2_043)}x` }, '4097 bytes'],
      ['a circle', circular, 'something that JSON has no form for'],
      ['a bigint', { id: 1n }, 'something that JSON has no form for'],
    ])('does not take %s', (_, claims, got) => {
      expect(refusalOf({ claims })).toBe(`claims: got ${got}, takes an object of at most 4096 bytes of JSON.`);
    });

    it.each<[string, Record<string, unknown>]>([
      ['U+0000', { name: 'ali\0ce' }],
      ['U+0000 alone', { name: '\0' }],
      ['U+0000 after a backslash', { path: '\\\0' }],
      ['U+0000 after two backslashes', { path: '\\\\\0' }],
      ['U+0000 after what looks like an escape', { path: `${String.raw`\u0000`}\0` }],
      ['U+0000 in a list', { roles: ['staff', 'ad\0min'] }],
      ['U+0000 deep inside', { a: { b: [{ c: '\0' }] } }],
      ['U+0000 in a name', { 'na\0me': 1 }],
      ['U+0000 in a name deep inside', { a: [{ '\0': 1 }] }],
      ['half a character, the first', { name: 'ali\uD83D' }],
      ['half a character, the second', { name: '\uDE00ce' }],
      ['two halves in the wrong order', { name: '\uDE00\uD83D' }],
      ['half a character after a whole one', { name: '😀\uD83D' }],
      ['half a character after a backslash', { name: '\\\uD800' }],
      ['half a character deep inside', { a: { b: ['\uDBFF'] } }],
      ['half a character in a name', { '\uDFFF': 1 }],
    ])('does not take %s', (_, claims) => {
      expect(refusalOf({ claims })).toBe(
        'claims: got U+0000 or half a character in a string, takes an object of at most 4096 bytes of JSON.',
      );
    });
  });
});
