import { Inject, Injectable } from '@nestjs/common';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { SessionEventPublisher } from './session-events.publisher.js';
import type { Session } from './session.js';
import { SessionStore, type NewSession } from './session.store.js';

/** Starts sessions, and ends those that must make room for them. */
@Injectable()
export class SessionCreator {
  constructor(
    private readonly store: SessionStore,
    private readonly events: SessionEventPublisher,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * Starts a session whose first token has the number `now`.
   * @param now milliseconds
   */
  async create(session: NewSession, revokeOthers: boolean, now: number): Promise<Session> {
    const created = await this.store.create(session, now);
    this.announceCreated(created, now);
    await this.makeRoom(created, revokeOthers, now);
    return created;
  }

  /**
   * Starts a session whose first token is one of the host's own, with the number `first`. A session that is there
   * already is left as it is. A session that is about to be ended makes no room for itself.
   * @param now milliseconds
   */
  async adopt(
    session: NewSession,
    first: number,
    { revokeOthers, isLeaving }: { revokeOthers: boolean; isLeaving: boolean },
    now: number,
  ): Promise<void> {
    const created = await this.store.adopt(session, first, now);
    if (!created) return;
    this.announceCreated(created, now);
    if (!isLeaving) await this.makeRoom(created, revokeOthers, now);
  }

  private async makeRoom(created: Session, revokeOthers: boolean, now: number): Promise<void> {
    if (revokeOthers) this.events.ended(await this.store.endOthers(created, now), 'service', now);
    const { maxSessionsPerSubject } = this.options.session;
    if (Number.isFinite(maxSessionsPerSubject)) {
      this.events.ended(await this.store.endBeyond(maxSessionsPerSubject, created, now), 'limit', now);
    }
  }

  private announceCreated({ id, subject, clientId }: Session, now: number): void {
    this.events.publish({ type: 'created', at: now, sessionId: id, subject, clientId });
  }
}
