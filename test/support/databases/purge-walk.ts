import { randomUUID } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { RefreshTokenSession } from 'nest-refresh-token';
import { PurgeWalk } from '../../../src/auth/session/purge/purge.walk.js';
import { DAY } from '../test-clock.js';

/** More steps than any walk of a test takes. */
const FAR = 200;
/** How many rows go into one statement. */
const CHUNK = 500;

/** Walks from wherever it is to the end of the table. @returns how many rows went, and whether all was clean */
export async function walkToTheEnd(walk: PurgeWalk): Promise<{ deleted: number; steps: number; isClean: boolean }> {
  let deleted = 0;
  for (let steps = 1; steps <= FAR; steps += 1) {
    const step = await walk.step();
    deleted += step.deleted;
    if (step.isAtEnd) return { deleted, steps, isClean: step.isClean };
  }
  throw new Error(`The walk has not come to the end of the table in ${FAR} steps.`);
}

/** Looks at every row, wherever the walk begins. @returns how many rows went */
export async function purge(app: INestApplication): Promise<number> {
  const walk = app.get(PurgeWalk, { strict: false });
  const rest = await walkToTheEnd(walk);
  return rest.deleted + (await walkToTheEnd(walk)).deleted;
}

/** What decides whether a row is past, in milliseconds. */
export interface RowTimes {
  issued?: number;
  lastUsedAt?: number;
  expiresAt?: number;
  revokedAt?: number;
}

/** A row as it was written 40 days ago and never since: ended ten days ago by the idle life, unless told otherwise. */
export function oldRow(now: number, differences: RowTimes = {}): RefreshTokenSession {
  const then = now - 40 * DAY;
  const times = { issued: then, lastUsedAt: then, expiresAt: then + 30 * DAY, ...differences };
  const { issued, lastUsedAt, expiresAt, revokedAt } = times;
  return Object.assign(new RefreshTokenSession(), {
    id: randomUUID(),
    subject: 'alice',
    used: '0',
    issued: String(issued),
    floor: '0',
    createdAt: String(then),
    lastUsedAt: String(lastUsedAt),
    expiresAt: String(expiresAt),
    revokedAt: revokedAt === undefined ? null : String(revokedAt),
  });
}

/** Puts rows into the database, past the store; those of the same ids go. */
export async function putRows(app: INestApplication, rows: readonly RefreshTokenSession[]): Promise<void> {
  const sessions = app.get(DataSource).getRepository(RefreshTokenSession);
  for (let start = 0; start < rows.length; start += CHUNK) {
    const chunk = rows.slice(start, start + CHUNK);
    await sessions.delete(chunk.map(({ id }) => id));
    // The rows are left as they are: what came back would be taken for that of others.
    await sessions.createQueryBuilder().insert().values(chunk).updateEntity(false).execute();
  }
}

/** The ids of all sessions that the database has, sorted. */
export async function idsOf(app: INestApplication): Promise<string[]> {
  const rows = await app
    .get(DataSource)
    .getRepository(RefreshTokenSession)
    .find({ select: { id: true } });
  return rows.map(({ id }) => id).toSorted();
}
