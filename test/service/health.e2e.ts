import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { describePostgres } from '../support/databases/databases.js';
import { call, signIn, type Answer } from '../support/http/http.js';
import { serviceForEachTest, serviceForTheSuite, withService } from '../support/servers/running-service.js';
import { DAY, HOUR, SECOND } from '../support/test-clock.js';
import { json, wire } from '../support/http/wire.js';
import { DEADLINE, limit } from '../support/time.js';

const LIVE = json(200, '{"status":"ok"}');
const READY = json(200, '{"status":"ok","checks":{"shutdown":"ok","database":"ok","clock":"ok"}}');

function live(url: string): Promise<Answer> {
  return call(`${url}/health/live`, { method: 'GET' });
}

function ready(url: string): Promise<Answer> {
  return call(`${url}/health/ready`, { method: 'GET' });
}

/** Turns the machine's clock, as this process sees it. */
function turnSystemClock(by: number): void {
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + by);
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('health, on SQLite', () => {
  const running = serviceForTheSuite('SQLite');

  it('is live and ready', async () => {
    expect(wire(await live(running.service.url))).toEqual(LIVE);
    expect(wire(await ready(running.service.url))).toEqual(READY);
  });

  it('needs no token, and takes none for a reason to refuse', async () => {
    const headers = { Authorization: 'Bearer x' };
    expect(wire(await call(`${running.service.url}/health/ready`, { method: 'GET', headers }))).toEqual(READY);
  });

  it.each([DAY, -DAY])('asks SQLite for no time: %d ms off', async (by) => {
    turnSystemClock(by);
    expect(wire(await ready(running.service.url))).toEqual(READY);
  });
});

describePostgres('ready, on PostgreSQL', () => {
  const running = serviceForTheSuite('PostgreSQL');

  it('does not look at the injected clock', async () => {
    running.service.clock.advance(HOUR);
    expect(wire(await ready(running.service.url))).toEqual(READY);
  });

  // The leeway is 10 s; a third of it is 3,333 ms.
  it.each([0, 3 * SECOND, -3 * SECOND])('allows a clock that is off by less than a third: %d ms', async (by) => {
    turnSystemClock(by);
    expect(wire(await ready(running.service.url))).toEqual(READY);
  });

  it.each([3_600, -3_600, DAY, -DAY])('does not allow one that is off by more: %d ms', async (by) => {
    turnSystemClock(by);
    const answer = await ready(running.service.url);
    const off = /"clock":"(\d+) ms off/.exec(answer.text)?.[1];
    expect(Math.abs(Number(off) - Math.abs(by))).toBeLessThan(limit(350));
    expect(wire(answer)).toEqual(
      json(
        503,
        `{"status":"unavailable","checks":{"shutdown":"ok","database":"ok","clock":"${off} ms off the database's, at most 3333 ms are allowed"}}`,
      ),
    );
    expect(wire(await live(running.service.url))).toEqual(LIVE);
  });

  it('is 503 where the database takes no writes, as a primary does that was demoted', async () => {
    const { url, app } = running.service;
    const dataSource = app.get(DataSource);
    await dataSource.query('SET default_transaction_read_only = on');
    expect(wire(await ready(url))).toEqual(
      json(503, '{"status":"unavailable","checks":{"shutdown":"ok","database":"read-only","clock":"ok"}}'),
    );
    await dataSource.query('SET default_transaction_read_only = off');
    expect(wire(await ready(url))).toEqual(READY);
  });

  it('is ready again when the clock is right again', async () => {
    turnSystemClock(HOUR);
    expect((await ready(running.service.url)).status).toBe(503);
    jest.restoreAllMocks();
    expect(wire(await ready(running.service.url))).toEqual(READY);
  });
});

describePostgres('ready, on PostgreSQL with another leeway', () => {
  it.each([
    ['0', 1_500, 2_500],
    ['3s', 500, 1_500],
    ['5m', 95_000, 105_000],
  ])('a leeway of %s allows %d ms and not %d', (leeway, allowed, tooMuch) =>
    withService('PostgreSQL', { REFRESH_TOKEN_LEEWAY: leeway }, async ({ url }) => {
      turnSystemClock(allowed);
      expect(wire(await ready(url))).toEqual(READY);
      jest.restoreAllMocks();
      turnSystemClock(tooMuch);
      expect((await ready(url)).status).toBe(503);
    }),
  );
});

describePostgres('ready, without its database', () => {
  const running = serviceForEachTest('PostgreSQL');

  it('is 503 within 5 s, says nothing of the database, and the process lives', async () => {
    const { service, database } = running;
    await signIn(service.url);
    await database.drop();

    const startedAt = performance.now();
    expect(wire(await ready(service.url))).toEqual(
      json(503, '{"status":"unavailable","checks":{"shutdown":"ok","database":"no answer","clock":"unknown"}}'),
    );
    expect(performance.now() - startedAt).toBeLessThan(DEADLINE);
    expect(wire(await live(service.url))).toEqual(LIVE);
  });
});
