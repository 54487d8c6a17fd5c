import { InvalidRefreshTokenError, InvalidScopeError } from '../auth.errors.js';
import type { Session } from '../session/session.js';

/** The terms of an OAuth client's refresh (RFC 6749 §6). */
export interface ExchangeOptions {
  /** The id that the client gives itself. A session that belongs to a client is good for no other client. */
  readonly clientId?: string | undefined;
  /** Words of the session's scope, for this one access token. Default: all of it. */
  readonly scope?: string | undefined;
}

/** @throws InvalidRefreshTokenError where the session belongs to another client */
export function requireClient({ id, clientId }: Session, asked: Pick<ExchangeOptions, 'clientId'>): void {
  if (clientId !== null && clientId !== asked.clientId) throw new InvalidRefreshTokenError('wrong_client', id);
}

/** @throws InvalidScopeError where the client asks for more than the session has */
export function requireScope(session: Session, { scope }: Pick<ExchangeOptions, 'scope'>): void {
  const granted = wordsOf(session.scope);
  if (scope !== undefined && wordsOf(scope).some((word) => !granted.includes(word))) throw new InvalidScopeError();
}

/**
 * The words of the session's scope that the client asked for; `null` for none. The scope may have been narrowed since
 * `requireScope` passed.
 */
export function grantedScope(granted: string | null, asked: string | undefined): string | null {
  if (asked === undefined) return granted;
  const words = wordsOf(granted);
  return [...new Set(wordsOf(asked))].filter((word) => words.includes(word)).join(' ') || null;
}

function wordsOf(scope: string | null): string[] {
  return scope?.split(' ') ?? [];
}
