import type { IssueOptions } from '../../session/issue-options.js';

/**
 * Refresh tokens that the host handed out before it used this module. Extend the class, and name the subclass as the
 * module's `legacyTokens`: the holders of old tokens stay signed in.
 *
 * An old token acts as the first token of a session. The module asks `resolve` when the token is first presented. From
 * then on the token is judged as any other token of its session: repeats within the leeway get the same successor, a
 * lost answer is forgiven, and a replay after the successor was used ends the session.
 *
 * The session's row remembers that a session has ended. The row is purged `session.retention` (default: the absolute
 * life) after its last use. After that, the old token would be resolved anew and start another session. So let old
 * tokens expire, or refuse them in `resolve`, before their rows are purged. If your old tokens never expire, switch
 * `session.purge` off.
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
   * What the session of an old token starts with; `null` where the text is no old token, or the token isn't good any
   * more. Every text that a client presents comes here, up to 8 KiB, except the module's own tokens: prove it. Compare
   * the whole token, since another spelling of it starts another session. Keep the old row: parallel first requests call
   * `resolve` more than once, and so does a client whose first request failed. The session begins now, so where
   * `session.notBefore` is set, refuse the tokens that it is meant for.
   *
   * If `resolve` throws, or takes longer than `session.policyTimeout`, the refresh is answered 503, and the client keeps
   * its token.
   */
  abstract resolve(token: string): IssueOptions | null | Promise<IssueOptions | null>;
}
