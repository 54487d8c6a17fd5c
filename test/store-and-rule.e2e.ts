import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { sample } from 'fast-check';
import type { DataSource } from 'typeorm';
import { resolveAuthOptions } from '../src/auth/auth.options.js';
import { Database } from '../src/auth/database/database.js';
import { decide, mint, type RotationPolicy, type RotationState } from '../src/auth/refresh-token/rotation.js';
import type { Session } from '../src/auth/session/session.js';
import { SessionStore } from '../src/auth/session/session.store.js';
import { openDatabase } from '../src/service/database/data-source.js';
import { parseDatabaseUrl, type DatabaseLocation } from '../src/service/database/database-url.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from './support/databases.js';
import { DAY, SECOND } from './support/test-clock.js';
import { anyPair, pairsAroundBoundaries, type Pair } from './support/rotation-pairs.js';

const policies = [0, 1, 10, 300].flatMap((leeway) =>
  (['forgive', 'revoke'] as const).map((lostResponse): RotationPolicy => ({
    leeway: leeway * SECOND,
    idleTtl: 30 * DAY,
    absoluteTtl: 365 * DAY,
    lostResponse,
  })),
);

/** How many pairs go into one INSERT, and are read back together. */
const BATCH = 500;

type Numbers = RotationState & Pick<Session, 'lastUsedAt'>;
type RawRow = Record<string, unknown>;

describeOnEachDatabase('the statement that rotates does what the rule says', (name) => {
  // PostgreSQL takes longer for each: one boundary in three, other ones for each policy.
  const { every, random, atLeast } =
    name === 'SQLite' ? { every: 1, random: 1_000, atLeast: 20_000 } : { every: 3, random: 300, atLeast: 10_000 };
  const seen = new Map<string, number>();
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await createDatabase(name);
    dataSource = await openDatabase(parseDatabaseUrl(database.url) as DatabaseLocation);
  });

  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it.each(policies)('around every boundary: leeway $leeway ms, $lostResponse', async (policy) => {
    const offset = policies.indexOf(policy);
    const pairs = pairsAroundBoundaries(policy).filter((_, position) => (position + offset) % every === 0);

    expect(await disagreements(pairs, policy)).toEqual([]);
  });

  it.each(policies)('anywhere: leeway $leeway ms, $lostResponse', async (policy) => {
    expect(await disagreements(sample(anyPair(policy), random), policy)).toEqual([]);
  });

  it('was asked often enough, and met every answer of the rule', () => {
    expect([...seen.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(atLeast);
    expect(Object.fromEntries([...seen].map(([answer, count]) => [answer, count > 100]))).toEqual({
      'mint rotated': true,
      'mint recovered': true,
      'mint store_behind': true,
      'leave store_behind': true,
      repeat: true,
      'refuse expired': true,
      'refuse reuse': true,
      'refuse revoked': true,
    });
  });

  /** Presents every token to a row of its own. @returns the first few pairs for which row or answer are not the rule's */
  async function disagreements(pairs: Pair[], policy: RotationPolicy): Promise<object[]> {
    const store = storeFor(policy);
    const found: object[] = [];
    for (let start = 0; start < pairs.length; start += BATCH) {
      const batch = new Map(pairs.slice(start, start + BATCH).map((pair) => [randomUUID() as string, pair]));
      const before = await insert(batch);
      const answers = await Promise.all(
        [...batch].map(
          async ([id, { n, now, acceptAhead }]) => [id, await store.rotate(id, n, now, acceptAhead)] as const,
        ),
      );
      const after = await read([...batch.keys()]);

      for (const [id, answer] of answers) {
        const pair = batch.get(id) as Pair;
        const expected = expectation(pair, policy, before.get(id) as RawRow);
        const actual = { answer: answer && numbersOf(answer), row: after.get(id) };
        if (JSON.stringify(actual) !== JSON.stringify(expected)) found.push({ pair, policy, expected, actual });
      }
    }
    return found.slice(0, 3);
  }

  /** What the rule makes of a row: the numbers that are answered, if any, and all columns. */
  function expectation({ row, n, now, acceptAhead }: Pair, policy: RotationPolicy, before: RawRow): object {
    const decision = decide(row, n, now, policy);
    const isLeft = decision.kind === 'mint' && decision.cause === 'store_behind' && !acceptAhead;
    note(isLeft ? 'leave store_behind' : Object.values(decision).join(' '));
    if (decision.kind !== 'mint' || isLeft) return { answer: undefined, row: before };

    const minted = { ...mint(row, n, now, policy), lastUsedAt: now };
    const { used, issued, floor, lastUsedAt, expiresAt } = minted;
    const columns = { used, issued, floor, last_used_at: lastUsedAt, expires_at: expiresAt };
    return { answer: numbersOf(minted), row: { ...before, ...asText(columns) } };
  }

  function note(answer: string): void {
    seen.set(answer, (seen.get(answer) ?? 0) + 1);
  }

  function storeFor({ leeway, idleTtl, absoluteTtl, lostResponse }: RotationPolicy): SessionStore {
    const settings = resolveAuthOptions({
      refreshToken: {
        secrets: ['the-first-secret-of-the-tests-0123456789'],
        leeway: leeway / SECOND,
        idleTtl: idleTtl / SECOND,
        absoluteTtl: absoluteTtl / SECOND,
        lostResponse,
      },
      accessToken: { issuer: 'https://auth.example.com', algorithm: 'HS256', secret: 'hs256' },
    });
    return new SessionStore(new Database(dataSource), settings);
  }

  async function insert(batch: ReadonlyMap<string, Pair>): Promise<Map<string, RawRow>> {
    const rows = [...batch].map(([id, { row }]) => {
      const numbers = [row.used, row.issued, row.floor, row.createdAt, row.issued, row.expiresAt].join(', ');
      return `('${id}', 'alice', ${numbers}, ${row.revokedAt ?? 'NULL'}, ${row.revokedAt === null ? 'NULL' : `'logout'`})`;
    });
    await dataSource.query(
      `INSERT INTO refresh_token_sessions (id, subject, used, issued, floor, created_at, last_used_at, expires_at, revoked_at, revoked_reason)
       VALUES ${rows.join(', ')}`,
    );
    return read([...batch.keys()]);
  }

  async function read(ids: string[]): Promise<Map<string, RawRow>> {
    const list = ids.map((id) => `'${id}'`).join(', ');
    const rows = await dataSource.query<RawRow[]>(`SELECT * FROM refresh_token_sessions WHERE id IN (${list})`);
    return new Map(rows.map((row) => [row['id'] as string, asText(row)]));
  }
});

function numbersOf({ used, issued, floor, createdAt, lastUsedAt, expiresAt, revokedAt }: Numbers): Numbers {
  return { used, issued, floor, createdAt, lastUsedAt, expiresAt, revokedAt };
}

/** One driver hands integers over as numbers, the other as text. */
function asText(row: RawRow): RawRow {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, value === null ? null : String(value)]),
  );
}
