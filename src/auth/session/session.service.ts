import { Inject, Injectable } from '@nestjs/common';
import { InvalidRequestError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { Clock } from '../runtime/clock.js';
import { isLive } from '../rotation/rotation.rule.js';
import { checkClaims, checkLabel, checkScope, checkSubject } from './issue-options.js';
import { SessionEventPublisher } from './session-events.publisher.js';
import { SessionEnder } from './session.ender.js';
import type { CustomClaims, Session } from './session.js';
import { SessionStore } from './session.store.js';
import { decodeCursor, encodeCursor } from './session.cursor.js';

/** A live session, as a user sees it in the list of devices. */
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
  /** The start of the next page; `null` on the last page. */
  readonly nextCursor: string | null;
}

/** Which page of the list. */
export interface ListSessionsOptions {
  /** The most sessions on the page, 1 to 100. Default 50. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** Whose session ends, and who ends it. */
export interface EndSessionOptions {
  /** The session's user: another user's session is left alone. Default: anybody's session ends. */
  subject?: string;
  /** Who ends the session, for the event: `service` (default) is the host, `user` the session's owner. */
  by?: 'service' | 'user' | undefined;
}

/** Which of a subject's sessions are ended. */
export interface EndSessionsOptions {
  /** The one session that goes on, usually the caller's own: `sid` in the access token. */
  exceptSessionId?: string | undefined;
  /** Who ends the sessions, for the event: `service` (default) is the host, `user` their owner. */
  by?: 'service' | 'user' | undefined;
}

/** New claims and scope of a user's sessions. A field that is left out stays as it is; `null` removes the old value. */
export interface UpdateSessionsOptions {
  claims?: CustomClaims | null | undefined;
  scope?: string | null | undefined;
}

/** The most sessions on a page. */
export const MAX_PAGE = 100;
/** The sessions on a page where the caller names no limit. */
export const DEFAULT_PAGE = 50;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Lists, names, ends and changes the sessions of a user. Every method runs a constant number of statements. Every method
 * throws `TemporarilyUnavailableError` where the database can't answer, and `InvalidRequestError` where an argument is
 * not of its form.
 */
@Injectable()
export class SessionService {
  constructor(
    private readonly store: SessionStore,
    private readonly ender: SessionEnder,
    private readonly events: SessionEventPublisher,
    private readonly clock: Clock,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * Lists the live sessions of a user, newest first.
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
   * @returns whether this call ended the session; false where the session had ended before
   * @example await sessionService.end(id, { subject: user.id });
   */
  async end(sessionId: string, options: EndSessionOptions = {}): Promise<boolean> {
    const owner = ownerOf(options);
    if (!isSessionId(sessionId)) return false;
    const { by = 'service' } = options;
    return this.ender.end(sessionId.toLowerCase(), by, this.clock.now(), { subject: owner });
  }

  /**
   * Ends all sessions of a subject: a password was changed, a user was banned.
   * @returns the number of live sessions that ended
   * @example await sessionService.endAll(user.id, { exceptSessionId: token.sid });
   */
  async endAll(subject: string, { exceptSessionId, by = 'service' }: EndSessionsOptions = {}): Promise<number> {
    // With an id that names no session, the session that was to be spared would end.
    if (exceptSessionId !== undefined && !isSessionId(exceptSessionId)) {
      throw new InvalidRequestError("exceptSessionId: got something else, takes a session's id, a UUID.");
    }
    const now = this.clock.now();
    const except = exceptSessionId?.toLowerCase() ?? null;
    const ended = await this.store.endAll(checkSubject(subject), except, by, now);
    this.events.ended(ended, by, now);
    // All of them have ended now. The count is of those that were alive before.
    return this.countLive(
      ended.map((session) => ({ ...session, revokedAt: null })),
      now,
    );
  }

  /** Whether a session is in the database, live or ended. With `subject`, whether it is that user's, too. */
  async exists(sessionId: string, options: { subject?: string } = {}): Promise<boolean> {
    const owner = ownerOf(options);
    if (!isSessionId(sessionId)) return false;
    const session = await this.store.find(sessionId.toLowerCase());
    return session !== undefined && (owner === null || session.subject === owner);
  }

  /**
   * Names a live session. `null` removes the name.
   * @returns whether there was such a session
   */
  async rename(sessionId: string, label: string | null, options: { subject?: string } = {}): Promise<boolean> {
    const owner = ownerOf(options);
    const checked = label === null ? null : checkLabel(label);
    if (!isSessionId(sessionId)) return false;
    return this.store.rename(sessionId.toLowerCase(), checked, this.clock.now(), owner);
  }

  /**
   * Changes the claims or the scope of all sessions of a user. Their next access tokens carry the change.
   * @returns the number of live sessions that were changed
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
 * The user whose session is meant; `null` for anybody's.
 * @throws InvalidRequestError where the option is there without a user: an empty one must not mean anybody
 */
function ownerOf(options: { subject?: string }): string | null {
  return 'subject' in options ? checkSubject(options.subject) : null;
}

/** Whether a value has the form of a session's id. */
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
