import type { INestApplicationContext } from '@nestjs/common';
import { getAuthToken, NO_NAME } from '../auth/injection-tokens.js';
import { RefreshTokenService } from '../auth/refresh-token/refresh-token.service.js';
import type { IssuedSession } from '../auth/refresh-token/token-response.js';
import type { IssueOptions } from '../auth/session/issue-options.js';

/** A session for a test, with the header for your guarded routes. */
export interface SignedIn extends IssuedSession {
  /** The `Authorization` header with the access token. */
  readonly authorization: string;
}

/** The options of `signIn`: those of `RefreshTokenService.issue`, and the module's name. */
export interface SignInOptions extends Omit<IssueOptions, 'subject'> {
  /** The name of the module that issues the tokens, where it has one. */
  moduleName?: string | undefined;
}

/**
 * Starts a session for a user without your login.
 * @param app your application, initialised
 * @param subject the user's id
 * @throws InvalidRequestError where `RefreshTokenService.issue` refuses the subject or an option
 * @example
 * const { authorization } = await signIn(app, 'alice', { scope: 'orders:write' });
 * await request(app.getHttpServer()).get('/orders').set({ authorization }).expect(200);
 */
export async function signIn(
  app: INestApplicationContext,
  subject: string,
  { moduleName, ...options }: SignInOptions = {},
): Promise<SignedIn> {
  // Every AuthModule provides this class: only its token names the one that is meant.
  const token = getAuthToken(RefreshTokenService, moduleName ?? NO_NAME);
  const session = await app.get<RefreshTokenService>(token, { strict: false }).issue({ subject, ...options });
  return { ...session, authorization: `Bearer ${session.access_token}` };
}
