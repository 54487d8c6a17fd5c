import { Inject, Injectable } from '@nestjs/common';
import { InvalidRequestError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { Clock } from '../runtime/clock.js';
import { isLive } from '../rotation/rotation.rule.js';
import { checkClaims, checkLabel, checkScope, checkSubject } from './issue-options.js';
import { SessionEventPublisher } from './session-events.publisher.js';
import type { CustomClaims, Session } from './session.js';
import { SessionStore } from './session.store.js';
import { decodeCursor, encodeCursor } from './session.cursor.js';

/** A live session, as a user sees it in a list of devices. */
export interface SessionInfo {
  readonly id: string;
  readonly label: string | null;
  readonly userAgent: string | null;
  readonly ip: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

/** A page of a list of sessions. */
export interface SessionPage {
  readonly sessions: readonly SessionInfo[];
  /** Where the next page begins, or `null` where there is none. */
  readonly nextCursor: string | null;
}

/** Which page. */
export interface ListSessionsOptions {
  /** How many at most, 1 to 100. Default 50. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** Whose session, and who ends it. */
export interface EndSessionOptions {
  /** Only where the session is this subject's; left out, anybody's. */
  subject?: string;
  /** Who ends it, for the event: `service` (default), the host; `user`, its owner. */
  by?: 'service' | 'user' | undefined;
}

/** Which of a subject's sessions are ended. */
export interface EndSessionsOptions {
  /** The one session that goes on: usually the caller's own, `sid` in its access token. */
  exceptSessionId?: string | undefined;
  /** Who ends them, for the event: `service` (default), the host; `user`, their owner. */
  by?: 'service' | 'user' | undefined;
}

/** What a subject's sessions are to say from now on; what is left out stays, `null` takes it away. */
export interface UpdateSessionsOptions {
  claims?: CustomClaims | null | undefined;
  scope?: string | null | undefined;
}

/** The most sessions on a page. */
const MAX_PAGE = 100;
const DEFAULT_PAGE = 50;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The sessions of a subject: list, name, end and change them. Every method takes a constant number of statements,
 * and throws `TemporarilyUnavailableError` where the database can't answer, `InvalidRequestError` where what it got
 * can't be meant.
 */
@Injectable()
export class SessionService {
  constructor(
    private readonly store: SessionStore,
    private readonly events: SessionEventPublisher,
    private readonly clock: Clock,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * The live sessions of a subject, newest first.
   * @example const { sessions } = await sessionService.list(user.id);
   */
  async list(subject: string, { limit = DEFAULT_PAGE, cursor }: ListSessionsOptions = {}): Promise<SessionPage> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
      throw new InvalidRequestError(`limit: got something else, takes a whole number from 1 to ${MAX_PAGE}.`);
    }
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    // One more than asked for tells whether there are more.
    const found = await this.store.list(checkSubject(subject), after, limit + 1, this.clock.now());
    const page = found.slice(0, limit);
    return {
      sessions: page.map(infoOf),
      nextCursor: found.length > limit ? encodeCursor(page.at(-1) as Session) : null,
    };
  }

  /**
   * Ends a session by its id (`session_id`, `sid` in access tokens).
   * @returns whether it was this call that ended it
   * @example await sessionService.end(id, { subject: user.id });
   */
  async end(sessionId: string, options: EndSessionOptions = {}): Promise<boolean> {
    const owner = ownerOf(options);
    if (!isSessionId(sessionId)) return false;
    const { by = 'service' } = options;
    const now = this.clock.now();
    const ended = await this.store.revoke(sessionId.toLowerCase(), by, now, owner);
    if (ended) this.events.ended([ended], by, now);
    return ended !== undefined;
  }

  /**
   * Ends all sessions of a subject: a password was changed, a user was banned.
   * @returns how many live sessions were ended
   * @example await sessionService.endAll(user.id, { exceptSessionId: token.sid });
   */
  async endAll(subject: string, { exceptSessionId, by = 'service' }: EndSessionsOptions = {}): Promise<number> {
    // An id that names no session would end the one that was to be spared.
    if (exceptSessionId !== undefined && !isSessionId(exceptSessionId)) {
      throw new InvalidRequestError("exceptSessionId: got something else, takes a session's id, a UUID.");
    }
    const now = this.clock.now();
    const except = exceptSessionId?.toLowerCase() ?? null;
    const ended = await this.store.revokeSubject(checkSubject(subject), except, by, now);
    this.events.ended(ended, by, now);
    // Ended they are: what counts is whether they were alive before.
    return this.countLive(
      ended.map((session) => ({ ...session, revokedAt: null })),
      now,
    );
  }

  /** Whether a session is there, be it live or ended, and is the subject's where one is given. */
  async exists(sessionId: string, options: { subject?: string } = {}): Promise<boolean> {
    const owner = ownerOf(options);
    if (!isSessionId(sessionId)) return false;
    const session = await this.store.find(sessionId.toLowerCase());
    return session !== undefined && (owner === null || session.subject === owner);
  }

  /**
   * Names a live session; `null` takes the name away.
   * @returns whether there was one to name
   */
  async rename(sessionId: string, label: string | null, options: { subject?: string } = {}): Promise<boolean> {
    const owner = ownerOf(options);
    const checked = label === null ? null : checkLabel(label);
    if (!isSessionId(sessionId)) return false;
    return this.store.rename(sessionId.toLowerCase(), checked, this.clock.now(), owner);
  }

  /**
   * Changes the claims or the scope of all sessions of a subject; their next access tokens have them.
   * @returns how many live sessions were changed
   * @example await sessionService.update(user.id, { claims: { roles: ['admin'] } });
   */
  async update(subject: string, { claims, scope }: UpdateSessionsOptions): Promise<number> {
    if (claims === undefined && scope === undefined) {
      throw new InvalidRequestError('claims, scope: got neither, takes one of them or both.');
    }
    const changed = await this.store.amend(checkSubject(subject), {
      claims: claims === undefined || claims === null ? claims : checkClaims(claims),
      scope: scope === undefined || scope === null ? scope : checkScope(scope),
    });
    return this.countLive(changed, this.clock.now());
  }

  private countLive(sessions: readonly Session[], now: number): number {
    return sessions.filter((session) => isLive(session, now, this.options.rotation)).length;
  }
}

/**
 * Whose session it must be; `null` for anybody's.
 * @throws InvalidRequestError where a subject was meant and there is none: it must not pass for anybody's
 */
function ownerOf(options: { subject?: string }): string | null {
  return 'subject' in options ? checkSubject(options.subject) : null;
}

/** Whether a text has the form of a session's id. */
export function isSessionId(text: unknown): boolean {
  return typeof text === 'string' && UUID.test(text);
}

function infoOf({ id, label, userAgent, ip, createdAt, lastUsedAt, expiresAt }: Session): SessionInfo {
  return {
    id,
    label,
    userAgent,
    ip,
    createdAt: new Date(createdAt),
    lastUsedAt: new Date(lastUsedAt),
    expiresAt: new Date(expiresAt),
  };
}
