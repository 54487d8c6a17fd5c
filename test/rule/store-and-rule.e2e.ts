import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { sample } from 'fast-check';
import type { DataSource } from 'typeorm';
import type { Device } from 'nest-refresh-token';
import { resolveAuthOptions } from '../../src/auth/options/resolve-options.js';
import { Database } from '../../src/auth/database/database.js';
import { decide, mint, type RotationPolicy, type RotationState } from '../../src/auth/rotation/rotation.rule.js';
import { UNKNOWN_DEVICE } from '../../src/auth/session/device.js';
import type { Session } from '../../src/auth/session/session.js';
import { SessionStore, type Amendments } from '../../src/auth/session/session.store.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import { DAY, SECOND } from '../support/test-clock.js';
import { anyPair, CREATED, pairsAroundBoundaries, type Pair } from '../support/rule/rotation-pairs.js';
import { openDatabase } from '../support/databases/service-database.js';

const policies = [
  { leeway: 0, notBefore: 0 },
  { leeway: 1, notBefore: 0 },
  { leeway: 10, notBefore: 0 },
  { leeway: 10, notBefore: CREATED },
  { leeway: 300, notBefore: 0 },
].flatMap(({ leeway, notBefore }) =>
  (['forgive', 'revoke'] as const).map((lostResponse): RotationPolicy => ({
    leeway: leeway * SECOND,
    idleTtl: 30 * DAY,
    absoluteTtl: 365 * DAY,
    notBefore,
    lostResponse,
  })),
);

/** How many pairs go into one INSERT, and are read back together. */
const BATCH = 100;

type Numbers = RotationState & Pick<Session, 'lastUsedAt' | 'recovered'>;
type RawRow = Record<string, unknown>;

/** What a refresh brings along, and what the row has of it: the rule knows nothing of either. */
interface Attendants {
  readonly recovered: number;
  readonly recordDevice: boolean;
  readonly device: Device;
  readonly amendments: Amendments | undefined;
}

const SAID = { claims: '{"role":"user"}', scope: 'read', user_agent: 'Old/1', ip: '192.0.2.1' };
const RECOVERED = [0, 1, 7];
const DEVICES: Device[] = [
  UNKNOWN_DEVICE,
  { userAgent: 'New/2', ip: '2001:db8::2' },
  { userAgent: 'New/2', ip: null },
  { userAgent: null, ip: '2001:db8::2' },
];
const AMENDMENTS: (Amendments | undefined)[] = [
  undefined,
  { claims: { role: 'admin' } },
  undefined,
  { scope: 'read write' },
  undefined,
  { claims: null, scope: null },
  {},
];

type Trial = Pair & Attendants;

/** Those of the pair at a position: all combinations, in cycles that no cycle of the pairs keeps step with. */
function attendantsAt(position: number): Attendants {
  // Two pairs in a row differ in whether a token that is ahead is accepted.
  const turn = Math.floor(position / 2);
  const pick = <T>(from: readonly T[]) => from[turn % from.length] as T;
  return {
    recovered: pick(RECOVERED),
    recordDevice: Math.floor(turn / DEVICES.length) % 2 === 0,
    device: pick(DEVICES),
    amendments: pick(AMENDMENTS),
  };
}

describeOnEachDatabase('the statement that rotates does what the rule says', (name) => {
  // The servers take longer for each: one boundary in seven, other ones for each policy.
  const { every, random, atLeast } =
    name === 'SQLite' ? { every: 1, random: 500, atLeast: 20_000 } : { every: 7, random: 150, atLeast: 4_500 };
  const seen = new Map<string, number>();
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await createDatabase(name);
    dataSource = await openDatabase(database.url);
  });

  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it.each(policies)(
    'around every boundary: leeway $leeway ms, $lostResponse, not before $notBefore',
    async (policy) => {
      const offset = policies.indexOf(policy);
      const pairs = pairsAroundBoundaries(policy).filter((_, position) => (position + offset) % every === 0);

      expect(await disagreements(pairs, policy)).toEqual([]);
    },
  );

  it.each(policies)('anywhere: leeway $leeway ms, $lostResponse, not before $notBefore', async (policy) => {
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
      amended: true,
      ...(name !== 'SQLite' && { 'handed over as it was': true }),
    });
  });

  /** Presents every token to a row of its own. @returns the first few for which row or answer are not the rule's */
  async function disagreements(pairs: Pair[], policy: RotationPolicy): Promise<object[]> {
    const recording = storeFor(policy, true);
    const discreet = storeFor(policy, false);
    const trials = pairs.map((pair, position): Trial => ({ ...pair, ...attendantsAt(position) }));
    const found: object[] = [];
    for (let start = 0; start < trials.length; start += BATCH) {
      const batch = new Map(trials.slice(start, start + BATCH).map((trial) => [randomUUID() as string, trial]));
      const before = await insert(batch);
      const answers = await Promise.all(
        [...batch].map(async ([id, trial]) => {
          const store = trial.recordDevice ? recording : discreet;
          return [id, await store.rotate(id, trial)] as const;
        }),
      );
      const after = await read([...batch.keys()]);

      for (const [id, answer] of answers) {
        const trial = batch.get(id) as Trial;
        const expected = expectation(trial, policy, before.get(id) as RawRow);
        const actual = { answer: answer?.isRotated ? numbersOf(answer.session) : undefined, row: after.get(id) };
        if (JSON.stringify(actual) !== JSON.stringify(expected)) found.push({ trial, policy, expected, actual });
        // Rows that are rotated together are handed over where they aren't rotated, too.
        if (!answer || answer.isRotated) continue;
        const left = { ...trial.row, lastUsedAt: trial.row.issued, recovered: trial.recovered };
        expect(numbersOf(answer.session)).toEqual(numbersOf(left));
        note('handed over as it was');
      }
    }
    return found.slice(0, 3);
  }

  /** What the rule makes of a row: the numbers that are answered, if any, and all columns. */
  function expectation(trial: Trial, policy: RotationPolicy, before: RawRow): object {
    const { row, n, now, acceptAhead, amendments } = trial;
    const decision = decide(row, n, now, policy);
    const isLeft = decision.kind === 'mint' && decision.cause === 'store_behind' && !acceptAhead;
    note(isLeft ? 'leave store_behind' : Object.values(decision).join(' '));
    if (decision.kind !== 'mint' || isLeft) return { answer: undefined, row: before };
    if (amendments) note('amended');

    const recovered = decision.cause === 'recovered' ? trial.recovered + 1 : 0;
    const minted = { ...mint(row, n, now, policy), lastUsedAt: now, recovered };
    const { used, issued, floor, lastUsedAt, expiresAt } = minted;
    const columns = { used, issued, floor, last_used_at: lastUsedAt, expires_at: expiresAt, recovered };
    return {
      answer: numbersOf(minted),
      row: { ...before, ...asText(columns), ...amended(amendments), ...recorded(trial) },
    };
  }

  function note(answer: string): void {
    seen.set(answer, (seen.get(answer) ?? 0) + 1);
  }

  function storeFor(policy: RotationPolicy, recordDevice: boolean): SessionStore {
    const { leeway, idleTtl, absoluteTtl, notBefore, lostResponse } = policy;
    const settings = resolveAuthOptions(
      {
        refreshToken: {
          secrets: ['the-first-secret-of-the-tests-0123456789'],
          leeway: leeway / SECOND,
          idleTtl: idleTtl / SECOND,
          absoluteTtl: absoluteTtl / SECOND,
          lostResponse,
        },
        accessToken: { issuer: 'https://auth.example.com', algorithm: 'HS256', secret: 'hs256' },
        session: { recordDevice, ...(notBefore > 0 && { notBefore: new Date(notBefore) }) },
      },
      CREATED,
    );
    expect(settings.rotation).toEqual(policy);
    return new SessionStore(new Database(dataSource), settings);
  }

  async function insert(batch: ReadonlyMap<string, Trial>): Promise<Map<string, RawRow>> {
    const rows = [...batch].map(([id, { row, recovered }]) => {
      const numbers = [row.used, row.issued, row.floor, row.createdAt, row.issued, row.expiresAt, recovered].join(', ');
      const end = row.revokedAt === null ? 'NULL, NULL' : `${row.revokedAt}, 'logout'`;
      return `('${id}', 'alice', ${numbers}, ${end}, ${Object.values(SAID)
        .map((text) => `'${text}'`)
        .join(', ')})`;
    });
    await dataSource.query(
      `INSERT INTO refresh_token_sessions (id, subject, used, issued, floor, created_at, last_used_at, expires_at,
         recovered, revoked_at, revoked_reason, ${Object.keys(SAID).join(', ')})
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

function numbersOf(numbers: Numbers): Numbers {
  const { used, issued, floor, createdAt, lastUsedAt, expiresAt, revokedAt, recovered } = numbers;
  return { used, issued, floor, createdAt, lastUsedAt, expiresAt, revokedAt, recovered };
}

/** What a row says once the policy has changed it. */
function amended({ claims, scope }: Amendments = {}): RawRow {
  return {
    ...(claims !== undefined && { claims: claims && JSON.stringify(claims) }),
    ...(scope !== undefined && { scope }),
  };
}

/** What a row knows of the device afterwards: what isn't known of the new one stays, unless none is to be recorded. */
function recorded({ recordDevice, device }: Attendants): RawRow {
  if (!recordDevice) return { user_agent: null, ip: null };
  return { user_agent: device.userAgent ?? SAID.user_agent, ip: device.ip ?? SAID.ip };
}

/** One driver hands integers over as numbers, the other as text. */
function asText(row: RawRow): RawRow {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, value === null ? null : String(value)]),
  );
}
