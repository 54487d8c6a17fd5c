import { Inject, Injectable } from '@nestjs/common';
import type { AuthSettings } from '../auth.options.js';
import { AUTH_SETTINGS } from '../auth.tokens.js';
import { Database, type Row } from '../database/database.js';
import { RefreshTokenSession } from './refresh-token-session.entity.js';
import type { CustomClaims, RevocationReason, Session } from './session.js';
import { sessionStatements, type SessionStatements } from './session.statements.js';

/** What a new session starts with. All times are milliseconds. */
export interface NewSession {
  readonly id: string;
  readonly subject: string;
  readonly clientId: string | null;
  readonly scope: string | null;
  readonly claims: CustomClaims | null;
}

/**
 * Sessions in the database, one row each, every method one statement.
 * Throws `TemporarilyUnavailableError` where the database can't answer.
 */
@Injectable()
export class SessionStore {
  private readonly statements: SessionStatements;

  constructor(
    private readonly database: Database,
    @Inject(AUTH_SETTINGS) private readonly settings: AuthSettings,
  ) {
    const table = database.table(RefreshTokenSession);
    this.statements = sessionStatements(database.dialect, table, settings.rotation.lostResponse);
  }

  /** Stores a new session that has handed out token `now`; durable when it returns. */
  async create(session: NewSession, now: number): Promise<Session> {
    const { idleTtl, absoluteTtl } = this.settings.rotation;
    const [row] = await this.database.runDurably(this.statements.create, {
      id: session.id,
      subject: session.subject,
      client_id: session.clientId,
      scope: session.scope,
      claims: session.claims && JSON.stringify(session.claims),
      now,
      expires_at: now + Math.min(idleTtl, absoluteTtl),
    });
    return toSession(row as Row);
  }

  /**
   * Mints a token for the presented `n` where the rotation rule says so, and only then.
   * @param acceptAhead whether a token newer than the row is accepted: only after `find` has shown that it is newer
   * @returns the session after the mint, or `undefined` where nothing was written
   */
  async rotate(id: string, n: number, now: number, acceptAhead: boolean): Promise<Session | undefined> {
    const { idleTtl, absoluteTtl, leeway } = this.settings.rotation;
    const [row] = await this.database.run(this.statements.rotate, {
      id,
      n,
      now,
      idle: idleTtl,
      absolute: absoluteTtl,
      leeway,
      accept_ahead: acceptAhead ? 1 : 0,
    });
    return row && toSession(row);
  }

  /** The session as the primary has it. */
  async find(id: string): Promise<Session | undefined> {
    const [row] = await this.database.run(this.statements.find, { id });
    return row && toSession(row);
  }

  /** Ends a session; durable when it returns. @returns whether it was this call that ended it */
  async revoke(id: string, reason: RevocationReason, now: number): Promise<boolean> {
    const rows = await this.database.runDurably(this.statements.revoke, { id, reason, now });
    return rows.length > 0;
  }

  /** Ends every session of a subject but one; durable when it returns. @returns how many live ones were ended */
  async revokeSubject(
    subject: string,
    exceptId: string | null,
    reason: RevocationReason,
    now: number,
  ): Promise<number> {
    const rows = await this.database.runDurably(this.statements.revokeSubject, {
      subject,
      except_id: exceptId,
      reason,
      now,
    });
    return rows.filter((row) => Number(row['expires_at']) > now).length;
  }
}

/** PostgreSQL's driver hands a bigint over as text. */
function toSession(row: Row): Session {
  return {
    id: row['id'] as string,
    subject: row['subject'] as string,
    clientId: row['client_id'] as string | null,
    scope: row['scope'] as string | null,
    claims: row['claims'] === null ? null : (JSON.parse(row['claims'] as string) as CustomClaims),
    used: Number(row['used']),
    issued: Number(row['issued']),
    floor: Number(row['floor']),
    createdAt: Number(row['created_at']),
    lastUsedAt: Number(row['last_used_at']),
    expiresAt: Number(row['expires_at']),
    revokedAt: row['revoked_at'] === null ? null : Number(row['revoked_at']),
  };
}
