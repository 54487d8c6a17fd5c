import type { Device } from './device.js';
import type { CustomClaims } from './session.js';

/** A session as a policy sees it. Times are milliseconds since the epoch. */
export interface PolicySession {
  readonly id: string;
  readonly subject: string;
  readonly clientId: string | null;
  readonly scope: string | null;
  readonly claims: CustomClaims | null;
  readonly label: string | null;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  /** What was recorded at the login or the last rotation. */
  readonly userAgent: string | null;
  readonly ip: string | null;
  /** Where this request came from. */
  readonly device: Device;
}

/**
 * Whether a session goes on. `claims` and `scope` replace those of the session from now on; what is left out stays,
 * and `null` takes them away. `reason` goes to the event and the log, never to the client.
 */
export type PolicyDecision =
  | {
      readonly allow: true;
      readonly claims?: CustomClaims | null | undefined;
      readonly scope?: string | null | undefined;
    }
  | { readonly allow: false; readonly reason: string };

/**
 * The host's say in every mint: is the user still welcome, and with which claims? Extend it, and name the class as the
 * module's `sessionPolicy`. It isn't asked at login, nor within the leeway, where the same token is handed out again.
 *
 * @example
 * @Injectable()
 * class UserPolicy extends SessionPolicy {
 *   constructor(private readonly users: UsersService) { super(); }
 *   async onRefresh({ subject }: PolicySession): Promise<PolicyDecision> {
 *     const user = await this.users.find(subject);
 *     return user ? { allow: true, claims: { roles: user.roles } } : { allow: false, reason: 'deleted' };
 *   }
 * }
 */
export abstract class SessionPolicy {
  /**
   * Decides within `session.policyTimeout`. Where it throws or takes longer, the refresh is answered 503 and nothing
   * is rotated; or it goes on with the stored claims, with `session.onPolicyFailure: 'allow'`.
   */
  abstract onRefresh(session: PolicySession): PolicyDecision | Promise<PolicyDecision>;
}
