import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { Database } from '../database/database.js';
import type { Row, SqlValue } from '../database/sql-statement.js';
import { recordable, UNKNOWN_DEVICE, type Device } from './device.js';
import { RefreshTokenSession } from './session.entity.js';
import type { CustomClaims, RevocationReason, Session } from './session.js';
import { sessionStatements, type SessionStatements } from './session.statements.js';
import { RotationBatch } from '../rotation/rotation-batch.js';

/** What a new session starts with. All times are milliseconds. */
export interface NewSession extends Device {
  readonly id: string;
  readonly subject: string;
  readonly clientId: string | null;
  readonly scope: string | null;
  readonly claims: CustomClaims | null;
  readonly label: string | null;
}

/** New claims and scope of a session. A field that is `undefined` stays as it is; `null` removes the old value. */
export interface Amendments {
  readonly claims?: CustomClaims | null | undefined;
  readonly scope?: string | null | undefined;
}

/** A presented token, and what its mint writes into the row. */
export interface Rotation {
  /** The number of the presented token. */
  readonly n: number;
  /** Milliseconds. */
  readonly now: number;
  readonly device: Device;
  /** Whether a token newer than the row is accepted: only after `find` has shown that it is newer. */
  readonly acceptAhead: boolean;
  /** The changes that the host's policy asks for. */
  readonly amendments: Amendments | undefined;
}

/** A session's row: after its mint, or unchanged where the rule mints nothing. */
export interface RotatedSession {
  readonly session: Session;
  readonly isRotated: boolean;
}

/** The options that the store reads. */
export interface StoreOptions {
  readonly rotation: ResolvedOptions['rotation'];
  readonly session: Pick<ResolvedOptions['session'], 'recordDevice'>;
}

/** The position of a session in a list: the next page begins behind it. */
export interface SessionPosition {
  /** Milliseconds. */
  readonly createdAt: number;
  readonly id: string;
}

/** The position before the newest session: the first page begins here. */
const START: SessionPosition = { createdAt: Number.MAX_SAFE_INTEGER, id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' };

/**
 * Reads and writes sessions in the database. A session is one row, and every method runs one statement. Writes are
 * durable when a method returns, except for a rotation: losing one is harmless. Every method throws
 * `TemporarilyUnavailableError` where the database can't answer.
 */
@Injectable()
export class SessionStore implements OnModuleInit {
  private readonly statements: SessionStatements;
  private readonly rotations: RotationBatch;

  constructor(
    private readonly database: Database,
    @Inject(RESOLVED_OPTIONS) private readonly options: StoreOptions,
  ) {
    const table = database.table(RefreshTokenSession);
    const { rotation, session } = options;
    this.statements = sessionStatements(database.dialect, table, { ...rotation, ...session });
    this.rotations = new RotationBatch(database, this.statements);
  }

  /** @throws ConfigurationError where the table is missing or old: every refresh would be answered 503 */
  async onModuleInit(): Promise<void> {
    await this.database.probe(this.statements.probe);
  }

  /** Stores a new session whose first token has the number `now`. */
  async create(session: NewSession, now: number): Promise<Session> {
    const [row] = await this.database.runDurably(this.statements.create, this.newRow(session, now, now));
    return toSession(row as Row);
  }

  /**
   * Stores a session whose first token is one of the host's own, with the number `first`.
   * @returns `undefined` where the session is there already
   */
  async adopt(session: NewSession, first: number, now: number): Promise<Session | undefined> {
    const [row] = await this.database.runDurably(this.statements.adopt, this.newRow(session, first, now));
    return row && toSession(row);
  }

  /**
   * Mints a token for the presented `n`, if the rotation rule says so.
   * @returns `undefined` where nothing was written, and the session has to be looked up
   */
  async rotate(id: string, { n, now, device, acceptAhead, amendments }: Rotation): Promise<RotatedSession | undefined> {
    const { rotation, session } = this.options;
    const { userAgent, ip } = session.recordDevice ? recordable(device) : UNKNOWN_DEVICE;
    const values = {
      id,
      n,
      ...this.limits(now),
      idle: rotation.idleTtl,
      leeway: rotation.leeway,
      accept_ahead: acceptAhead ? 1 : 0,
      user_agent: userAgent,
      ip,
    };
    if (!amendments) {
      const outcome = await this.rotations.rotate(values);
      return outcome && { session: toSession(outcome.row), isRotated: outcome.isRotated };
    }
    const [row] = await this.database.run(this.statements.rotateAs, { ...values, ...amended(amendments) });
    return row && { session: toSession(row), isRotated: true };
  }

  /** Reads a session from the primary. */
  async find(id: string): Promise<Session | undefined> {
    const [row] = await this.database.run(this.statements.find, { id });
    return row && toSession(row);
  }

  /** Reads the live sessions of a subject, newest first. */
  async list(subject: string, after: SessionPosition = START, limit: number, now: number): Promise<Session[]> {
    const rows = await this.database.run(this.statements.list, {
      subject,
      after_created_at: after.createdAt,
      after_id: after.id,
      limit,
      ...this.limits(now),
    });
    return rows.map(toSession);
  }

  /**
   * Ends a session. With `subject`, another subject's session is left alone.
   * @returns the session; `undefined` where this call did not end it
   */
  async end(
    id: string,
    reason: RevocationReason,
    now: number,
    subject: string | null = null,
  ): Promise<Session | undefined> {
    const [row] = await this.database.runDurably(this.statements.end, { id, subject, reason, now });
    return row && toSession(row);
  }

  /** Ends every session of a subject but one. @returns the sessions that ended, expired ones too */
  async endAll(subject: string, exceptId: string | null, reason: RevocationReason, now: number): Promise<Session[]> {
    const values = { subject, except_id: exceptId, reason, now };
    return (await this.database.runDurably(this.statements.endAll, values)).map(toSession);
  }

  /**
   * Ends the oldest live sessions of a subject, so that `limit` are left, with the new session among them. Where
   * another login has ended the new session, no session is ended.
   * @returns the sessions that ended
   */
  async endBeyond(limit: number, { id, subject }: Session, now: number): Promise<Session[]> {
    const values = { id, subject, limit, reason: 'limit' satisfies RevocationReason, ...this.limits(now) };
    return (await this.database.runDurably(this.statements.endBeyond, values)).map(toSession);
  }

  /** Ends all sessions of a subject but the new one, as above. @returns the sessions that ended, expired ones too */
  async endOthers({ id, subject }: Session, now: number): Promise<Session[]> {
    const values = { id, subject, now, reason: 'service' satisfies RevocationReason };
    return (await this.database.runDurably(this.statements.endOthers, values)).map(toSession);
  }

  /** Names a live session. With `subject`, another subject's is left alone. @returns whether a session was named */
  async rename(id: string, label: string | null, now: number, subject: string | null): Promise<boolean> {
    const values = { id, subject, label, ...this.limits(now) };
    return (await this.database.runDurably(this.statements.rename, values)).length > 0;
  }

  /** Changes claims and scope of all sessions of a subject. @returns the changed sessions, expired ones too */
  async amend(subject: string, amendments: Amendments): Promise<Session[]> {
    const values = { subject, ...amended(amendments) };
    return (await this.database.runDurably(this.statements.amend, values)).map(toSession);
  }

  private newRow(session: NewSession, first: number, now: number): Record<string, SqlValue> {
    const { idleTtl, absoluteTtl } = this.options.rotation;
    const { recordDevice } = this.options.session;
    return {
      id: session.id,
      subject: session.subject,
      client_id: session.clientId,
      scope: session.scope,
      claims: jsonOf(session.claims),
      label: session.label,
      user_agent: recordDevice ? session.userAgent : null,
      ip: recordDevice ? session.ip : null,
      first,
      now,
      expires_at: now + Math.min(idleTtl, absoluteTtl),
    };
  }

  private limits(now: number): { now: number; absolute: number; not_before: number } {
    const { absoluteTtl, notBefore } = this.options.rotation;
    return { now, absolute: absoluteTtl, not_before: notBefore };
  }
}

function amended({ claims, scope }: Amendments): Record<string, SqlValue> {
  return {
    set_claims: claims === undefined ? 0 : 1,
    claims: jsonOf(claims ?? null),
    set_scope: scope === undefined ? 0 : 1,
    scope: scope ?? null,
  };
}

function jsonOf(claims: CustomClaims | null): string | null {
  return claims && JSON.stringify(claims);
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
    recovered: Number(row['recovered']),
    label: row['label'] as string | null,
    userAgent: row['user_agent'] as string | null,
    ip: row['ip'] as string | null,
  };
}
