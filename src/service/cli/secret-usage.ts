import type { DataSource } from 'typeorm';
import { RefreshTokenSecret } from '../../auth/key-ring/token-secret.entity.js';
import { RefreshTokenSession } from '../../auth/session/session.entity.js';
import type { Environment } from '../config/environment.js';

/** What a secret's tokens are needed for. */
export type SecretUse =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'minting' }
  /** Sessions from before it was replaced may hold one of its tokens; until then, in milliseconds, at most. */
  | { readonly kind: 'replaced'; readonly liveSessions: number; readonly neededUntil: number };

/** Instances begin to mint with another secret at one time, by their own clocks. In milliseconds. */
const MARGIN = 60_000;

/** What the database says of a secret. */
export async function secretUse(
  dataSource: DataSource,
  { absoluteTtl }: Environment,
  fingerprint: string,
  now: number,
): Promise<SecretUse> {
  const known = await dataSource.getRepository(RefreshTokenSecret).findOneBy({ fingerprint });
  if (!known || known.mintedAt === null) return { kind: 'waiting' };
  if (known.replacedAt === null) return { kind: 'minting' };
  const replacedAt = Number(known.replacedAt);
  const liveSessions = await dataSource
    .getRepository(RefreshTokenSession)
    .createQueryBuilder('session')
    .where('session.revokedAt IS NULL')
    .andWhere('session.expiresAt > :now', { now })
    .andWhere('session.createdAt > :oldest', { oldest: now - absoluteTtl })
    .andWhere('session.createdAt < :newest', { newest: replacedAt + MARGIN })
    .getCount();
  return { kind: 'replaced', liveSessions, neededUntil: replacedAt + absoluteTtl };
}
