import { statSync } from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { RefreshTokenService } from 'nest-refresh-token';
import { describePostgres } from '../support/databases/databases.js';
import { until } from '../support/servers/process.js';
import { serviceForEachTest } from '../support/servers/running-service.js';
import type { TestService } from '../support/servers/service.js';
import { MINUTE } from '../support/test-clock.js';
import { limit } from '../support/time.js';

// Thousands of refreshes: on a busy machine that takes its time.
jest.setTimeout(limit(180_000));

/** How many refreshes are on their way at once: as many as the pool has connections. */
const AT_ONCE = 10;

/**
 * What a few pages more may be of what there was: those of updates that found no room, on a busy machine. Without HOT,
 * the indexes double.
 */
const SOME_PAGES = 1.25;

/** What a browser says of itself in a version of it, and where it calls from in a month. */
function device(session: number, refresh: number): { userAgent: string; ip: string } {
  const version = 140 + Math.floor(refresh / 10);
  return {
    userAgent: `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36`,
    ip: `203.0.113.${100 + ((session + refresh) % 100)}`,
  };
}

/** Users who sign in, and refresh as often as a test says. */
class Users {
  private readonly tokens: string[] = [];
  private refreshes = 0;

  constructor(private readonly service: TestService) {}

  async signIn(count: number): Promise<void> {
    await this.inTurns(count, async (user) => {
      const subject = `0198c2d4-5f6a-7b8c-9d0e-${String(user).padStart(12, '0')}`;
      const { refresh_token } = await this.refreshTokens.issue({ subject, ...device(user, 0) });
      this.tokens[user] = refresh_token;
    });
  }

  /** Has each refresh so many times, a minute apart. */
  async refresh(times: number): Promise<void> {
    for (let turn = 0; turn < times; turn += 1) {
      this.service.clock.advance(MINUTE);
      this.refreshes += 1;
      await this.inTurns(this.tokens.length, async (user) => {
        const token = this.tokens[user] as string;
        const { refresh_token } = await this.refreshTokens.refresh(token, device(user, this.refreshes));
        if (refresh_token === token) throw new Error('It was not rotated.');
        this.tokens[user] = refresh_token;
      });
    }
  }

  private get refreshTokens(): RefreshTokenService {
    return this.service.app.get(RefreshTokenService);
  }

  private async inTurns(count: number, work: (user: number) => Promise<void>): Promise<void> {
    const users = Array.from({ length: count }, (_, user) => user).values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const user of users) await work(user);
      }),
    );
  }
}

describePostgres('Refreshes on PostgreSQL', () => {
  const running = serviceForEachTest('PostgreSQL', { REFRESH_TOKEN_LEEWAY: '0' });

  async function query<T>(sql: string): Promise<T> {
    const [row] = await running.service.app.get(DataSource).query<T[]>(sql);
    return row as T;
  }

  /** The updates that the server has counted, once it has counted as many as there were. */
  function updates(atLeast: number): Promise<{ all: number; hot: number }> {
    return until(`${atLeast} updates are counted`, async () => {
      const { all, hot } = await query<{ all: string; hot: string }>(
        `SELECT n_tup_upd AS all, n_tup_hot_upd AS hot FROM pg_stat_user_tables
         WHERE relname = 'refresh_token_sessions'`,
      );
      return Number(all) >= atLeast ? { all: Number(all), hot: Number(hot) } : undefined;
    });
  }

  async function sizes(): Promise<{ table: number; indexes: number; rows: number }> {
    await query('VACUUM ANALYZE refresh_token_sessions');
    const found = await query<{ table: string; indexes: string; rows: string }>(
      `SELECT pg_table_size('refresh_token_sessions') AS table, pg_indexes_size('refresh_token_sessions') AS indexes,
              (SELECT count(*) FROM refresh_token_sessions) AS rows`,
    );
    return { table: Number(found.table), indexes: Number(found.indexes), rows: Number(found.rows) };
  }

  it('are HOT updates: the table and its indexes hardly grow', async () => {
    const users = new Users(running.service);
    await users.signIn(500);
    await users.refresh(5);
    const before = await sizes();
    const counted = await updates(500 * 5);

    await users.refresh(10);
    const { all, hot } = await updates(500 * 15);
    expect(all).toBe(500 * 15);
    expect((hot - counted.hot) / (all - counted.all)).toBeGreaterThan(0.9);
    const after = await sizes();
    expect(after.rows).toBe(before.rows);
    expect(after.indexes / before.indexes).toBeLessThanOrEqual(SOME_PAGES);
    expect(after.table / before.table).toBeLessThanOrEqual(SOME_PAGES);
  });
});

describe('Refreshes on SQLite', () => {
  const running = serviceForEachTest('SQLite', { REFRESH_TOKEN_LEEWAY: '0' });

  /** In bytes, with nothing in the log and no free page. */
  async function size(): Promise<number> {
    const dataSource = running.service.app.get(DataSource);
    await dataSource.query('VACUUM');
    await dataSource.query('PRAGMA wal_checkpoint(TRUNCATE)');
    return statSync(running.database.url.replace('sqlite:', '')).size;
  }

  it('leave the file as large as it is, but for a twentieth at most: twenty of each session', async () => {
    const users = new Users(running.service);
    await users.signIn(300);
    const before = await size();
    await users.refresh(20);
    const after = await size();
    expect(after / before).toBeLessThanOrEqual(1.05);
  });
});
