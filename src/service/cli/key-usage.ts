import type { DataSource } from 'typeorm';
import { isInUse, jwksMaxAge, neededUntil, scheduleOf, type KnownKey } from '../../auth/key-ring/key-schedule.js';
import { AccessTokenKey } from '../../auth/key-ring/signing-key.entity.js';
import { RefreshTokenSecret } from '../../auth/key-ring/token-secret.entity.js';
import { RefreshTokenSession } from '../../auth/session/session.entity.js';
import type { Environment } from '../config/environment.js';

export type KeyKind = 'signing key' | 'secret';

/** What a key or a secret does. Times are milliseconds. */
export type KeyUse =
  /** No instance has had it since it was last taken away. */
  | { readonly kind: 'unseen' }
  /** It verifies, and isn't used; it begins then where it is the first one, at once at `-Infinity`. */
  | { readonly kind: 'waiting'; readonly beginsAt: number | undefined }
  | { readonly kind: 'in use' }
  /** Another one took its place: its tokens are needed until then, by this many live sessions where it is a secret. */
  | { readonly kind: 'replaced'; readonly neededUntil: number; readonly liveSessions: number | undefined };

/** A key as the database knows it. */
export interface KeyUsage {
  readonly firstSeenAt: number | undefined;
  readonly use: KeyUse;
}

/** Instances begin to mint with another secret at one time, by their own clocks. In milliseconds. */
const MARGIN = 60_000;

/**
 * What the database says of keys.
 * @param ids all that are configured, the first of which is to be used
 * @returns one answer for each of them, in their order
 */
export async function keyUsages(
  dataSource: DataSource,
  environment: Environment,
  kind: KeyKind,
  ids: readonly string[],
  now: number,
): Promise<KeyUsage[]> {
  const known = (await rowsOf(dataSource, kind)).filter(({ withdrawnAt }) => withdrawnAt === null);
  const seen = ids.filter((id) => known.some((key) => key.id === id));
  const usages: KeyUsage[] = [];
  for (const [position, id] of ids.entries()) {
    const key = known.find((row) => row.id === id);
    if (!key) usages.push({ firstSeenAt: undefined, use: { kind: 'unseen' } });
    else if (position === 0 && !isInUse(key)) {
      const { beginsAt } = scheduleOf(seen, known, environment.keyActivationDelay);
      usages.push({ firstSeenAt: key.firstSeenAt, use: { kind: 'waiting', beginsAt } });
    } else usages.push({ firstSeenAt: key.firstSeenAt, use: await useOf(dataSource, environment, kind, key, now) });
  }
  return usages;
}

/** Notes that a key was taken away on purpose: no instance asks for it any more. */
export async function withdrawSigningKey(dataSource: DataSource, keyId: string, now: number): Promise<void> {
  await dataSource.getRepository(AccessTokenKey).update({ keyId }, { withdrawnAt: String(now) });
}

async function useOf(
  dataSource: DataSource,
  { absoluteTtl, accessTokenTtl, keyActivationDelay }: Environment,
  kind: KeyKind,
  key: KnownKey,
  now: number,
): Promise<KeyUse> {
  if (isInUse(key)) return { kind: 'in use' };
  if (key.replacedAt === null) return { kind: 'waiting', beginsAt: undefined };
  if (kind === 'signing key') {
    const life = accessTokenTtl + jwksMaxAge(keyActivationDelay);
    return { kind: 'replaced', neededUntil: neededUntil(key, life), liveSessions: undefined };
  }
  const liveSessions = await dataSource
    .getRepository(RefreshTokenSession)
    .createQueryBuilder('session')
    .where('session.revokedAt IS NULL')
    .andWhere('session.expiresAt > :now', { now })
    .andWhere('session.createdAt > :oldest', { oldest: now - absoluteTtl })
    .andWhere('session.createdAt < :newest', { newest: key.replacedAt + MARGIN })
    .getCount();
  return { kind: 'replaced', neededUntil: neededUntil(key, absoluteTtl), liveSessions };
}

async function rowsOf(dataSource: DataSource, kind: KeyKind): Promise<KnownKey[]> {
  const rows =
    kind === 'secret'
      ? (await dataSource.getRepository(RefreshTokenSecret).find()).map((row) => ({ id: row.fingerprint, ...row }))
      : (await dataSource.getRepository(AccessTokenKey).find()).map((row) => ({ id: row.keyId, ...row }));
  const time = (value: string | null) => (value === null ? null : Number(value));
  return rows.map(({ id, firstSeenAt, usedAt, replacedAt, withdrawnAt }) => ({
    id,
    firstSeenAt: Number(firstSeenAt),
    usedAt: time(usedAt),
    replacedAt: time(replacedAt),
    withdrawnAt: time(withdrawnAt),
  }));
}
