import { Inject, Injectable, Logger } from '@nestjs/common';
import { TemporarilyUnavailableError } from '../auth.errors.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { SessionEventPublisher } from '../session/session-events.publisher.js';
import type { Session } from '../session/session.js';
import { SessionStore } from '../session/session.store.js';
import type { RefreshToken } from './refresh-token.js';

/** Finds the session of a proved token, and notices where the database has lost that session. */
@Injectable()
export class SessionFinder {
  private readonly logger = new Logger('RefreshToken');

  constructor(
    private readonly store: SessionStore,
    private readonly events: SessionEventPublisher,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * The session that a proved token names, be it live or ended; `undefined` where its row may have been purged.
   * @param now milliseconds
   * @throws TemporarilyUnavailableError `session_lost` where the row should be there: a restored backup may lack it,
   * and nobody is signed out for that; `database` where the database can't answer
   */
  async find(token: RefreshToken, now: number): Promise<Session | undefined> {
    const session = await this.store.find(token.sessionId);
    if (!session && this.isKept(token, now)) throw this.lost(token, now);
    return session;
  }

  /** Whether the token's row can't have been purged yet: rows are kept for the retention after their last token. */
  private isKept(token: RefreshToken, now: number): boolean {
    const { retention, lostSessions } = this.options.session;
    return lostSessions === 'unavailable' && token.number + retention > now;
  }

  private lost({ sessionId }: RefreshToken, now: number): TemporarilyUnavailableError {
    this.logger.error('An authentic token names a session that the database does not have', {
      event: 'session_lost',
      session_id: sessionId,
    });
    this.events.publish({ type: 'session_lost', at: now, sessionId });
    return new TemporarilyUnavailableError('session_lost');
  }
}
