import type { Device } from './device.js';
import type { CustomClaims } from './session.js';

/** A session, as a policy sees it. Times are milliseconds since the epoch. */
export interface PolicySession {
  readonly id: string;
  readonly subject: string;
  readonly clientId: string | null;
  readonly scope: string | null;
  readonly claims: CustomClaims | null;
  readonly label: string | null;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  /** The device of the login or of the last rotation, as recorded. */
  readonly userAgent: string | null;
  readonly ip: string | null;
  /** The device that sent this request. */
  readonly device: Device;
}

/**
 * Whether a session goes on. `claims` and `scope` replace those of the session from now on. A field that is left out
 * stays as it is; `null` removes the session's. `reason` goes to the event and the log, never to the client.
 */
export type PolicyDecision =
  | {
      readonly allow: true;
      readonly claims?: CustomClaims | null | undefined;
      readonly scope?: string | null | undefined;
    }
  | { readonly allow: false; readonly reason: string };

/**
 * The host's decision on every mint: is the user still welcome, and with which claims? Extend this class, and name yours
 * as the module's `sessionPolicy`. The policy is not asked at login, nor within the leeway, where a client is handed the
 * same token again.
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
   * Decides on a session within `session.policyTimeout` (default 2 s). Where the policy throws or takes longer, the
   * refresh is answered 503 and nothing is rotated. With `session.onPolicyFailure: 'allow'` the refresh goes on with
   * the stored claims instead.
   */
  abstract onRefresh(session: PolicySession): PolicyDecision | Promise<PolicyDecision>;
}
