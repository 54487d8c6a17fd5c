import { Injectable, Logger } from '@nestjs/common';
import { SessionObserver, type SessionEvent } from '../../auth/session/session.observer.js';

/** Writes each event as one line of the log: after a restore, what was ended since the backup is ended again from it. */
@Injectable()
export class SessionLog extends SessionObserver {
  private readonly logger = new Logger('Sessions');

  override observe(event: SessionEvent): void {
    // The module itself logs a lost session, in every host.
    if (event.type === 'session_lost' || !Logger.isLevelEnabled('log')) return;
    const { type, at, sessionId, subject, ...details } = event;
    this.logger.log(`A session: ${type}`, {
      event: `session.${type}`,
      at: new Date(at).toISOString(),
      session_id: sessionId,
      subject,
      ...detailsOf(details),
    });
  }
}

/** In the log's spelling, and without what there is none of. */
function detailsOf(details: object): Record<string, unknown> {
  const given = Object.entries(details).filter(([, value]) => value !== null);
  return Object.fromEntries(
    given.map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}
