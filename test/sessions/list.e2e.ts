import { beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { IssuedSession } from 'nest-refresh-token';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { logout, refresh, refreshed, signIn } from '../support/http/http.js';
import { withInstance } from '../support/servers/instances.js';
import { serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { SERVICE_KEY, type TestService } from '../support/servers/service.js';
import { deleteSessions, getSessions, idsOf, listed, signInWith } from '../support/http/session-calls.js';
import { DAY, HOUR, MINUTE, SECOND } from '../support/test-clock.js';
import { invalidRequest, json as jsonAnswer, wire } from '../support/http/wire.js';

const SUBJECT_MISSING = invalidRequest("subject: got nothing, takes the user's id.");
const SUBJECT_GIVEN = invalidRequest('subject: got one with an access token, which takes its own.');
const BAD_LIMIT = invalidRequest('limit: got something else, takes a whole number from 1 to 100.');
const BAD_CURSOR = invalidRequest('cursor: got something else, takes the next_cursor of the page before.');

describeOnEachDatabase('GET /sessions', (databaseName) => {
  const running = serviceForTheSuite(databaseName);
  let service: TestService;
  let url: string;
  let subject: string;
  let count = 0;

  beforeEach(() => {
    ({ service } = running);
    ({ url } = service);
    subject = `user ${(count += 1)}`;
  });

  function signInOften(times: number): Promise<IssuedSession[]> {
    return Promise.all(Array.from({ length: times }, () => signIn(url, subject)));
  }

  it('shows sessions in exactly this shape, newest first, and which of them asks', () =>
    withService(databaseName, {}, async (own) => {
      const phone = await signInWith(own.url, { subject: 'alice', label: 'Zoë’s phone 🦉', user_agent: 'Mozilla/5.0' });
      own.clock.advance(HOUR / 2 + 1);
      const laptop = await signInWith(own.url, { subject: 'alice', ip: '2001:db8::7' });
      own.clock.advance(MINUTE);
      // What was used last isn't what was created last.
      await refreshed(own.url, phone.refresh_token);

      const text = (current: IssuedSession | undefined) =>
        '{"sessions":[' +
        `{"id":"${laptop.session_id}","label":null,"user_agent":null,"ip":"2001:db8::7",` +
        '"created_at":"2026-01-01T00:30:00.001Z","last_used_at":"2026-01-01T00:30:00.001Z",' +
        `"expires_at":"2026-01-31T00:30:00.001Z","current":${current === laptop}},` +
        `{"id":"${phone.session_id}","label":"Zoë’s phone 🦉","user_agent":"Mozilla/5.0","ip":"127.0.0.1",` +
        '"created_at":"2026-01-01T00:00:00.000Z","last_used_at":"2026-01-01T00:31:00.001Z",' +
        `"expires_at":"2026-01-31T00:31:00.001Z","current":${current === phone}}` +
        '],"next_cursor":null}';
      expect(wire(await getSessions(own.url, laptop.access_token))).toEqual(jsonAnswer(200, text(laptop)));
      expect(wire(await getSessions(own.url, phone.access_token))).toEqual(jsonAnswer(200, text(phone)));
      expect(wire(await getSessions(own.url, SERVICE_KEY, '?subject=alice'))).toEqual(jsonAnswer(200, text(undefined)));
    }));

  it("shows nobody another's, whatever the subjects look like", async () => {
    const names = [
      'alice',
      'Alice',
      'alice ',
      'ali',
      '%',
      'alice%',
      'a_ice',
      '👩‍🚀',
      "' OR 1=1 --",
      '007',
      '7',
      'a+b',
      'a b',
    ];
    const sessions = await Promise.all(names.map((name) => signIn(url, name)));
    for (const { subject: name, session_id, access_token } of sessions) {
      const own = [expect.objectContaining({ id: session_id, current: true })];
      expect((await listed(url, access_token)).sessions).toEqual(own);
      expect(await idsOf(url, name)).toEqual([session_id]);
    }
  });

  it('is empty for a subject that has none, or never was', async () => {
    const { refresh_token } = await signIn(url, subject);
    await logout(url, refresh_token);
    const none = jsonAnswer(200, '{"sessions":[],"next_cursor":null}');
    expect(wire(await getSessions(url, SERVICE_KEY, `?subject=${subject}`))).toEqual(none);
    expect(wire(await getSessions(url, SERVICE_KEY, '?subject=nobody'))).toEqual(none);
  });

  describe('leaves out', () => {
    it('those that were ended: by a logout, by their id, for reuse', async () => {
      const [leaver, removed, stolen, other] = (await signInOften(4)) as [IssuedSession, ...IssuedSession[]];
      await logout(url, leaver.refresh_token);
      await deleteSessions(url, other?.access_token ?? '', `/${removed?.session_id}`);
      const { refresh_token } = await refreshed(url, stolen?.refresh_token ?? '');
      service.clock.advance(MINUTE);
      await refreshed(url, refresh_token);
      expect((await refresh(url, stolen?.refresh_token ?? '')).status).toBe(401);

      expect(await idsOf(url, subject)).toEqual([other?.session_id]);
    });

    it('those idle for too long, from that millisecond on', async () => {
      const { session_id } = await signIn(url, subject);
      service.clock.advance(30 * DAY - 1);
      expect(await idsOf(url, subject)).toEqual([session_id]);
      service.clock.advance(1);
      expect(await idsOf(url, subject)).toEqual([]);
    });

    it('those past their absolute life, however busy', async () => {
      const { session_id, refresh_token } = await signIn(url, subject);
      for (let days = 0; days < 364; days += 28) {
        service.clock.advance(28 * DAY);
        await refreshed(url, refresh_token);
      }
      service.clock.advance(DAY - 1);
      expect(await idsOf(url, subject)).toEqual([session_id]);
      service.clock.advance(1);
      expect(await idsOf(url, subject)).toEqual([]);
    });

    it('those past an absolute life that has become shorter since', async () => {
      const { session_id } = await signIn(url, subject);
      await withInstance(
        running,
        { REFRESH_TOKEN_ABSOLUTE_TTL: '2d', REFRESH_TOKEN_IDLE_TTL: '1d' },
        async (instance) => {
          service.clock.advance(2 * DAY - 1);
          expect(await idsOf(instance.url, subject)).toEqual([session_id]);
          service.clock.advance(1);
          expect(await idsOf(instance.url, subject)).toEqual([]);
        },
      );
      expect(await idsOf(url, subject)).toEqual([session_id]);
    });
  });

  describe('under the emergency brake', () => {
    const braked = serviceForTheSuite(databaseName);

    it('leaves out those created before SESSIONS_NOT_BEFORE, and none created then', async () => {
      const early = await signIn(braked.service.url, 'alice');
      braked.service.clock.advance(1);
      const brake = braked.service.clock.now();
      const late = await signIn(braked.service.url, 'alice');
      const env = { SESSIONS_NOT_BEFORE: new Date(brake).toISOString() };
      await withInstance(braked, env, async (instance) => {
        expect(await idsOf(instance.url, 'alice')).toEqual([late.session_id]);
        expect((await getSessions(instance.url, early.access_token)).status).toBe(401);
        expect((await getSessions(instance.url, late.access_token)).status).toBe(200);
      });
      expect(await idsOf(braked.service.url, 'alice')).toEqual([late.session_id, early.session_id]);
    });
  });

  it('has 50 on a page, or as many as are asked for', async () => {
    const sessions = await signInOften(101);
    const { access_token } = sessions[0] as IssuedSession;
    const sizes = async (query: string) => {
      const { sessions: page, next_cursor } = await listed(url, access_token, query);
      return [page.length, typeof next_cursor];
    };
    expect(await sizes('')).toEqual([50, 'string']);
    expect(await sizes('?limit=1')).toEqual([1, 'string']);
    expect(await sizes('?limit=100')).toEqual([100, 'string']);
    await deleteSessions(url, SERVICE_KEY, `/${sessions[1]?.session_id}`);
    expect(await sizes('?limit=100')).toEqual([100, 'object']);
  });

  it.each(['0', '101', '-1', '+5', '1.5', '1e1', '0x10', 'ten', '', '%20', '5%20', '1000', '٣', 'NaN', 'null'])(
    'takes no limit of "%s"',
    async (limit) => {
      const { access_token } = await signIn(url, subject);
      expect(wire(await getSessions(url, access_token, `?limit=${limit}`))).toEqual(BAD_LIMIT);
      expect(wire(await getSessions(url, SERVICE_KEY, `?subject=x&limit=${limit}`))).toEqual(BAD_LIMIT);
    },
  );

  it('asks a service key whose sessions are meant', async () => {
    await signIn(url, subject);
    for (const query of ['', '?', '?subject=', '?subject', '?limit=5', '?subject=&limit=5']) {
      expect(wire(await getSessions(url, SERVICE_KEY, query))).toEqual(SUBJECT_MISSING);
    }
    const takes = 'takes a string of 1 to 255 characters.';
    const refusal = async (given: string) => wire(await getSessions(url, SERVICE_KEY, `?subject=${given}`));
    expect(await refusal('%00')).toEqual(invalidRequest(`subject: got U+0000 or half a character, ${takes}`));
    expect(await refusal('a'.repeat(256))).toEqual(invalidRequest(`subject: got 256 characters, ${takes}`));
  });

  it('lets no user say whose sessions are meant, be it its own', async () => {
    const { access_token } = await signIn(url, subject);
    for (const query of [`?subject=${subject}`, '?subject=bob', '?subject=']) {
      expect(wire(await getSessions(url, access_token, query))).toEqual(SUBJECT_GIVEN);
    }
  });

  it.each(['user', 'Subject', 'subject[]', 'except', 'constructor', '__proto__', ''])(
    'knows no parameter %j',
    async (name) => {
      const description = `query: got the unknown parameter "${name}", takes subject, limit, cursor.`;
      const query = `?subject=${subject}&${encodeURIComponent(name)}=1`;
      expect(wire(await getSessions(url, SERVICE_KEY, query))).toEqual(invalidRequest(description));
    },
  );

  it('tells nobody a long parameter back: it might be a token', async () => {
    const { access_token, refresh_token } = await signIn(url, subject);
    for (const name of [refresh_token, access_token, SERVICE_KEY]) {
      const { status, text } = await getSessions(url, access_token, `?${name}`);
      expect(status).toBe(400);
      expect(text).not.toContain(name.slice(0, 10));
    }
  });

  it.each(['subject=a&subject=a', 'subject=a&subject=b', 'subject=a&limit=1&limit=2', 'subject=a&cursor=x&cursor='])(
    'takes no parameter twice: %s',
    async (query) => {
      const name = query.split('&').at(-1)?.split('=')[0];
      const refused = invalidRequest(`${name}: got it more than once, takes one.`);
      expect(wire(await getSessions(url, SERVICE_KEY, `?${query}`))).toEqual(refused);
    },
  );

  describe('page by page', () => {
    /** What happens between two pages: time, a login, an ending of the nth session. */
    const change = fc.record({
      wait: fc.constantFrom(0, 0, 1, SECOND),
      logins: fc.nat({ max: 2 }),
      end: fc.option(fc.nat({ max: 30 }), { nil: undefined }),
    });
    const scenario = fc.record({
      // How many log in at one millisecond, at the next and so on.
      logins: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
      limit: fc.integer({ min: 1, max: 7 }),
      isUser: fc.boolean(),
    });

    const RUNS = databaseName === 'SQLite' ? 15 : 10;

    interface Created {
      readonly id: string;
      readonly at: number;
    }

    async function logIn(name: string, times: number): Promise<Created[]> {
      const at = service.clock.now();
      const sessions = await Promise.all(Array.from({ length: times }, () => signIn(url, name)));
      return sessions.map(({ session_id: id }) => ({ id, at }));
    }

    /** Follows the cursors to the end, with `between` before each page but the first. */
    async function readAll(credential: string, query: string, between: () => Promise<void>): Promise<Page[]> {
      const pages: Page[] = [];
      let cursor = '';
      for (;;) {
        const { sessions, next_cursor } = await listed(url, credential, `?${query}${cursor}`);
        pages.push(sessions);
        // A list that never ends would never fail.
        expect(pages.length).toBeLessThan(100);
        if (next_cursor === null) return pages;
        expect(next_cursor).toMatch(/^[\w-]+$/);
        cursor = `&cursor=${next_cursor}`;
        await between();
      }
    }

    it('is the whole list, each session once, however many were created in one millisecond', () =>
      fc.assert(
        fc.asyncProperty(scenario, async ({ logins, limit, isUser }) => {
          const name = `paged ${(count += 1)}`;
          const { session_id, access_token } = await signIn(url, name);
          const created: Created[] = [{ id: session_id, at: service.clock.now() }];
          for (const times of logins) {
            created.push(...(await logIn(name, times)));
            service.clock.advance(1);
          }
          const query = `limit=${limit}${isUser ? '' : `&subject=${name}`}`;
          const pages = await readAll(isUser ? access_token : SERVICE_KEY, query, async () => undefined);

          const times = new Map(created.map(({ id, at }) => [id, at]));
          const read = pages.flat().map(({ id }) => id);
          expect(read.toSorted()).toEqual([...times.keys()].toSorted());
          expect(read.map((id) => times.get(id))).toEqual([...times.values()].toSorted((a, b) => b - a));
          expect(read).toEqual(await idsOf(url, name));
          // Full but for the last, and no empty one at the end.
          const sizes = pages.map((page) => page.length);
          expect(sizes.slice(0, -1).every((size) => size === limit)).toBe(true);
          expect(sizes.at(-1)).toBeGreaterThan(0);
        }),
        { numRuns: RUNS },
      ));

    it('shows no session twice and none that lives is left out, whatever begins and ends between pages', () =>
      fc.assert(
        fc.asyncProperty(scenario, fc.array(change, { maxLength: 12 }), async ({ logins, limit }, changes) => {
          const name = `changing ${(count += 1)}`;
          const before: Created[] = [];
          for (const times of logins) {
            before.push(...(await logIn(name, times)));
            service.clock.advance(1);
          }
          const begun = service.clock.now();
          const ended = new Set<string>();
          const pending = [...changes];
          const pages = await readAll(SERVICE_KEY, `limit=${limit}&subject=${name}`, async () => {
            const next = pending.shift();
            if (!next) return;
            service.clock.advance(next.wait);
            await logIn(name, next.logins);
            const victim = next.end === undefined ? undefined : before[next.end % before.length]?.id;
            if (victim === undefined) return;
            await deleteSessions(url, SERVICE_KEY, `/${victim}`);
            ended.add(victim);
          });

          const read = pages.flat().map(({ id }) => id);
          expect(new Set(read).size).toBe(read.length);
          const living = before.filter(({ id }) => !ended.has(id)).map(({ id }) => id);
          expect(read).toEqual(expect.arrayContaining(living));
          // What begins later is newer than the first page, where nobody looks again.
          const times = pages.flat().map(({ created_at }) => Date.parse(created_at));
          expect(times).toEqual(times.toSorted((a, b) => b - a));
          expect(times.every((time) => time < begun)).toBe(true);
        }),
        { numRuns: RUNS },
      ));

    it('goes on where the session at the end of the page has ended', async () => {
      await signInOften(5);
      const first = await listed(url, SERVICE_KEY, `?subject=${subject}&limit=2`);
      await deleteSessions(url, SERVICE_KEY, `/${first.sessions[1]?.id}`);
      const rest = await listed(url, SERVICE_KEY, `?subject=${subject}&limit=3&cursor=${first.next_cursor}`);
      expect(rest.sessions.length).toBe(3);
      expect(rest.next_cursor).toBeNull();
    });

    it("shows nobody another's, with the cursor of another's list either", async () => {
      const own = await signIn(url, subject);
      const others = await Promise.all([1, 2, 3].map(() => signIn(url, `${subject}'s neighbour`)));
      const { next_cursor } = await listed(url, others[0]?.access_token ?? '', '?limit=1');
      const { sessions } = await listed(url, own.access_token, `?cursor=${next_cursor}`);
      expect(sessions.filter(({ id }) => id !== own.session_id)).toEqual([]);
    });

    it('takes a cursor in the one spelling it was handed out in', async () => {
      await signInOften(2);
      const { next_cursor } = await listed(url, SERVICE_KEY, `?subject=${subject}&limit=1`);
      const cursor = String(next_cursor);
      const variants = [
        `${cursor}=`,
        `${cursor}A`,
        `${cursor}!`,
        ` ${cursor}`,
        `${cursor}\n`,
        cursor.slice(0, -1),
        cursor.slice(1),
        cursor.toLowerCase(),
        `${cursor}${cursor}`,
        `${cursor.slice(0, 8)}*${cursor.slice(8)}`,
      ];
      for (const variant of variants) {
        const query = `?subject=${subject}&cursor=${encodeURIComponent(variant)}`;
        expect([variant, wire(await getSessions(url, SERVICE_KEY, query))]).toEqual([variant, BAD_CURSOR]);
      }
    });

    it.each<[string, string]>([
      ['empty', ''],
      ['a number', '1'],
      ['a refresh token', `rt_${'A'.repeat(60)}`],
      ['too long', 'A'.repeat(10_000)],
      ['no time', forged('.00000000-0000-0000-0000-000000000000')],
      ['a time before time', forged('-1.00000000-0000-0000-0000-000000000000')],
      ['a time too large', forged('9999999999999999.00000000-0000-0000-0000-000000000000')],
      ['a time spelt otherwise', forged('01.00000000-0000-0000-0000-000000000000')],
      ['no id', forged('1.')],
      ['no UUID', forged('1.not-a-uuid')],
      ['an id in upper case', forged('1.ABCDEF00-0000-0000-0000-000000000000')],
      ['SQL', forged("1.' OR 1=1 --")],
      ['more lines than one', forged('1.00000000-0000-0000-0000-000000000000\n')],
      ['JSON', forged('{"createdAt":1}')],
    ])('takes no cursor that is none of its own: %s', async (_, cursor) => {
      const { access_token } = await signIn(url, subject);
      const query = `cursor=${encodeURIComponent(cursor)}`;
      expect(wire(await getSessions(url, access_token, `?${query}`))).toEqual(BAD_CURSOR);
      expect(wire(await getSessions(url, SERVICE_KEY, `?subject=${subject}&${query}`))).toEqual(BAD_CURSOR);
    });

    it('never goes back: a cursor at the end of time begins with the newest, one before time has nothing behind it', async () => {
      const { session_id } = await signIn(url, subject);
      const at = (time: number) =>
        listed(
          url,
          SERVICE_KEY,
          `?subject=${subject}&cursor=${forged(`${time}.00000000-0000-0000-0000-000000000000`)}`,
        );
      expect((await at(999_999_999_999_999)).sessions.map(({ id }) => id)).toEqual([session_id]);
      expect((await at(0)).sessions).toEqual([]);
    });
  });
});

type Page = Awaited<ReturnType<typeof listed>>['sessions'];

/** A cursor that says something else. */
function forged(text: string): string {
  return Buffer.from(text).toString('base64url');
}
