import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { type IssuedSession, RefreshTokenSession, type TokenResponse } from 'nest-refresh-token';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import { json, logout, refresh, refreshed, signIn, type Answer } from '../support/http/http.js';
import { startService, type TestService } from '../support/servers/service.js';
import { endOf, sessionRow } from '../support/databases/session-rows.js';
import { MINUTE, SECOND, TestClock } from '../support/test-clock.js';

const PARALLEL = 20;
const BURSTS = 6;
/** The logout comes first, second, … and last of five, four times each. */
const RACES = 20;

describeOnEachDatabase('many requests at once', (name) => {
  let database: TestDatabase;
  let running: TestService[] = [];

  beforeAll(async () => {
    database = await createDatabase(name);
  });

  afterEach(async () => {
    await Promise.all(running.map((service) => service.close()));
    running = [];
  });

  afterAll(() => database.drop());

  async function start(env: Record<string, string> = {}, clock = new TestClock()): Promise<TestService> {
    const service = await startService(database.url, { env, clock });
    running.push(service);
    return service;
  }

  describe('with a leeway', () => {
    it('write once, and are all handed the same successor', async () => {
      const service = await start();
      const { url, app, clock } = service;
      const session = await signIn(url);
      let token = session.refresh_token;

      for (let burst = 0; burst < BURSTS; burst += 1) {
        clock.advance(MINUTE);
        const successors = tokensOf(await atOnce(PARALLEL, () => refresh(url, token)));

        expect(successors).toHaveLength(PARALLEL);
        expect(new Set(successors).size).toBe(1);
        // A second write would have issued a higher number.
        expect(await lastIssued(service, session)).toBe(clock.now());
        token = successors[0] as string;
      }
      expect(await app.get(DataSource).getRepository(RefreshTokenSession).count()).toBe(1);
      expect(await endOf(app, session.session_id)).toBeNull();
    });

    it('write nothing where they come with the used token and its successor, before the leeway has passed', async () => {
      const { url, app, clock } = await start();
      const session = await signIn(url, 'bob');
      clock.advance(MINUTE);
      const { refresh_token: successor } = await refreshed(url, session.refresh_token);
      const before = await sessionRow(app, session.session_id);
      clock.advance(10 * SECOND - 1);

      const answers = await atOnce(PARALLEL, (position) =>
        refresh(url, position % 2 === 0 ? session.refresh_token : successor),
      );

      expect(new Set(tokensOf(answers))).toEqual(new Set([successor]));
      expect(await sessionRow(app, session.session_id)).toEqual(before);
    });

    it('write once where two instances share them, with clocks that are seconds apart', async () => {
      const [one, other] = [await start(), await start()] as const;
      const session = await signIn(one.url, 'carol');
      let token = session.refresh_token;

      for (let burst = 0; burst < BURSTS; burst += 1) {
        one.clock.advance(MINUTE);
        other.clock.set(one.clock.now() - 3 * SECOND);
        const answers = await atOnce(PARALLEL, (position) => refresh(position % 2 === 0 ? one.url : other.url, token));
        const successors = tokensOf(answers);

        expect(new Set(successors).size).toBe(1);
        expect([one.clock.now(), other.clock.now()]).toContain(await lastIssued(one, session));
        token = successors[0] as string;
      }
    });
  });

  describe('without a leeway', () => {
    const env = { REFRESH_TOKEN_LEEWAY: '0' };

    it('are none refused, and the client goes on with any of its answers', async () => {
      const service = await start(env);
      const { url, clock } = service;
      const session = await signIn(url, 'dave');
      let token = session.refresh_token;

      for (let burst = 0; burst < BURSTS; burst += 1) {
        clock.advance(MINUTE);
        const successors = tokensOf(await atOnce(PARALLEL, () => refresh(url, token)));

        expect(new Set(successors).size).toBe(PARALLEL);
        // Each wrote once.
        expect(await lastIssued(service, session)).toBe(clock.now() + PARALLEL - 1);
        token = successors[burst % PARALLEL] as string;
      }
    });

    it('are none refused where two instances share them', async () => {
      const [one, other] = [await start(env), await start(env)] as const;
      let { refresh_token: token } = await signIn(one.url, 'erin');

      for (let burst = 0; burst < BURSTS; burst += 1) {
        one.clock.advance(MINUTE);
        other.clock.set(one.clock.now() - 3 * SECOND);
        const answers = await atOnce(PARALLEL, (position) => refresh(position % 2 === 0 ? one.url : other.url, token));

        expect(new Set(tokensOf(answers)).size).toBe(PARALLEL);
        token = tokensOf(answers)[burst % PARALLEL] as string;
      }
    });
  });

  it.each([
    ['10s', 'one instance'],
    ['0', 'one instance'],
    ['10s', 'two instances'],
  ])('leave nothing alive where one of them is the logout: leeway %s, %s', async (leeway, instances) => {
    const one = await start({ REFRESH_TOKEN_LEEWAY: leeway });
    const other = instances === 'one instance' ? one : await start({ REFRESH_TOKEN_LEEWAY: leeway }, one.clock);
    const statuses: number[] = [];

    for (let race = 0; race < RACES; race += 1) {
      const session = await signIn(one.url, 'frank');
      one.clock.advance(MINUTE);
      const { refresh_token: token } = await refreshed(one.url, session.refresh_token);
      one.clock.advance(MINUTE);

      const [ended, ...answers] = await racing(race, () => logout(other.url, session.refresh_token), [
        () => refresh(one.url, token),
        () => refresh(other.url, token),
        () => refresh(one.url, token),
        () => refresh(other.url, token),
      ]);
      const handedOut = tokensOf(answers.filter(({ status }) => status === 200));
      statuses.push(...answers.map(({ status }) => status));

      expect(ended?.status).toBe(204);
      const later = await Promise.all(
        [session.refresh_token, token, ...handedOut].map((each) => refresh(one.url, each)),
      );
      expect(new Set(later.map(({ status }) => status))).toEqual(new Set([401]));
      expect(await endOf(one.app, session.session_id)).toMatchObject({ reason: 'logout' });
    }
    // Some came before the logout and some after, and there is no third answer.
    expect(new Set(statuses)).toEqual(new Set([200, 401]));
  });
});

function atOnce(count: number, send: (position: number) => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, position) => send(position)));
}

/** Sends the first request among the others, at another place in every round. @returns its answer first */
async function racing(
  round: number,
  first: () => Promise<Answer>,
  others: (() => Promise<Answer>)[],
): Promise<Answer[]> {
  const place = round % (others.length + 1);
  const answers = await Promise.all([...others.slice(0, place), first, ...others.slice(place)].map((send) => send()));
  return [...answers.splice(place, 1), ...answers];
}

/** The refresh tokens of answers that must all be good. */
function tokensOf(answers: Answer[]): string[] {
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(answers.length === 0 ? [] : [200]));
  return answers.map((answer) => json<TokenResponse>(answer).refresh_token);
}

async function lastIssued({ app }: Pick<TestService, 'app'>, { session_id }: IssuedSession): Promise<number> {
  return Number((await sessionRow(app, session_id))?.issued);
}
