import { Injectable, Logger } from '@nestjs/common';
import { SessionObserver, type SessionEvent } from '../../auth/session/session.observer.js';

/**
 * Writes each event of a session as one line of the log. After a restored backup, `sessions end` reads from these lines
 * which sessions were ended since the backup.
 */
@Injectable()
export class SessionLog extends SessionObserver {
  private readonly logger = new Logger('Sessions');

  override observe(event: SessionEvent): void {
    // The module itself logs a lost session, so that every host has that line.
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

/** The details of an event with names in snake_case, as elsewhere in the log; details that are null are left out. */
function detailsOf(details: object): Record<string, unknown> {
  const given = Object.entries(details).filter(([, value]) => value !== null);
  return Object.fromEntries(
    given.map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}
