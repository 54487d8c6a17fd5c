import type { INestApplication } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { RefreshTokenSession } from 'nest-refresh-token';

/** A session's row as the database has it, read past the store. */
export async function sessionRow(app: INestApplication, id: string): Promise<RefreshTokenSession | null> {
  return app.get(DataSource).getRepository(RefreshTokenSession).findOneBy({ id });
}

/** When and why a session was ended; the drivers differ in how they hand over a time. */
export async function endOf(app: INestApplication, id: string): Promise<{ at: number; reason: string } | null> {
  const row = await sessionRow(app, id);
  return row && row.revokedAt !== null ? { at: Number(row.revokedAt), reason: String(row.revokedReason) } : null;
}

/** Loses a session, as a restored backup does. */
export async function loseSession(app: INestApplication, id: string): Promise<void> {
  const { affected } = await app.get(DataSource).getRepository(RefreshTokenSession).delete({ id });
  if (affected === 0) throw new Error('There was no such session to lose.');
}

/** Puts a row back, as it was. */
export async function restoreSession(app: INestApplication, row: RefreshTokenSession | null): Promise<void> {
  if (!row) throw new Error('There is no row to restore.');
  await app.get(DataSource).getRepository(RefreshTokenSession).insert(row);
}
