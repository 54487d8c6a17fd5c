import type { IssueOptions } from '../../session/issue-options.js';

/**
 * Refresh tokens that the host handed out before it used this module. Extend it, and name the class as the module's
 * `legacyTokens`: whoever holds such a token stays signed in.
 *
 * Such a token acts as the first token of a session. It is resolved once, when it is first presented; from then on it
 * is judged as any other token of its session: repeats within the leeway get the same successor, a lost answer is
 * forgiven, and a replay after its successor was used ends the session.
 *
 * That a session has ended is remembered until its row is purged, `session.retention` (default: the absolute life)
 * after its last use. Then its old token would be resolved anew, and start another session: let old tokens expire, or
 * be refused here, before that, and have the retention outlast them. Where they don't expire, switch `session.purge`
 * off.
 *
 * @example
 * @Injectable()
 * class OldTokens extends LegacyTokens {
 *   constructor(private readonly tokens: OldTokenRepository) { super(); }
 *   async resolve(token: string): Promise<IssueOptions | null> {
 *     const found = await this.tokens.findValid(token);
 *     return found && { subject: found.userId };
 *   }
 * }
 */
export abstract class LegacyTokens {
  /**
   * What the session of an old token is to start with; `null` where it isn't one, or isn't good any more. Whatever a
   * client sends comes here, up to 8 KiB, but for access tokens of this module: prove it, to the letter, since another
   * spelling that is let pass starts another session. Where it throws, or takes longer than `session.policyTimeout`,
   * the refresh is answered 503, and the client keeps its token. Leave the token where it is: first requests that race,
   * or fail, ask again. Its session begins now: where `session.notBefore` is set, refuse the old tokens here.
   */
  abstract resolve(token: string): IssueOptions | null | Promise<IssueOptions | null>;
}
