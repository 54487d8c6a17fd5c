import type { SessionInfo, SessionPage } from '../session/session.service.js';

/** A session of a list, in the wire's shape. Times are texts as RFC 3339 has them. */
export interface SessionResponse {
  readonly id: string;
  readonly label: string | null;
  readonly user_agent: string | null;
  readonly ip: string | null;
  readonly created_at: string;
  readonly last_used_at: string;
  readonly expires_at: string;
  /** Whether this is the session of the access token that asked. */
  readonly current: boolean;
}

/** A page of a list of sessions, in the wire's shape. */
export interface SessionListResponse {
  readonly sessions: readonly SessionResponse[];
  /** Where the next page begins, or `null` on the last page. */
  readonly next_cursor: string | null;
}

/** @param currentId the session of the access token that asked; `undefined` for a backend */
export function sessionListResponse({ sessions, nextCursor }: SessionPage, currentId?: string): SessionListResponse {
  return { sessions: sessions.map((session) => sessionResponse(session, currentId)), next_cursor: nextCursor };
}

function sessionResponse(session: SessionInfo, currentId: string | undefined): SessionResponse {
  return {
    id: session.id,
    label: session.label,
    user_agent: session.userAgent,
    ip: session.ip,
    created_at: session.createdAt.toISOString(),
    last_used_at: session.lastUsedAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    current: session.id === currentId,
  };
}
