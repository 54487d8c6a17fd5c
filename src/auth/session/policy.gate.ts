import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { TemporarilyUnavailableError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS, SESSION_POLICY } from '../injection-tokens.js';
import { logCause } from '../runtime/log-cause.js';
import { withTimeLimit } from '../runtime/time-limit.js';
import type { Device } from './device.js';
import { checkClaims, checkScope } from './issue-options.js';
import type { PolicyDecision, PolicySession, SessionPolicy } from './session.policy.js';
import type { Session } from './session.js';
import type { Amendments } from './session.store.js';

/** What the policy said: what the session is to say from now on, or why it ends. */
export type PolicyVerdict =
  | { readonly allow: true; readonly amendments: Amendments | undefined }
  | { readonly allow: false; readonly reason: string };

const ALLOWED: PolicyVerdict = { allow: true, amendments: undefined };
const MAX_REASON = 200;

/** Asks the host's policy, if there is one, and makes sure that it can't hold anybody up. */
@Injectable()
export class PolicyGate implements OnModuleInit {
  private readonly logger = new Logger('SessionPolicy');
  private found: SessionPolicy | null | undefined;

  constructor(
    private readonly moduleRef: ModuleRef,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /** A policy that can't be looked up, such as one that is made for each request, stops the start. */
  onModuleInit(): void {
    this.policy();
  }

  /** Whether every session passes, since there is no policy to ask. */
  get isOpen(): boolean {
    return this.policy() === null;
  }

  /** @throws TemporarilyUnavailableError where the policy fails, and a failure isn't to pass */
  async ask(session: Session, device: Device): Promise<PolicyVerdict> {
    const policy = this.policy();
    if (!policy) return ALLOWED;
    const { onPolicyFailure, policyTimeout } = this.options.session;
    try {
      const decision = await withTimeLimit(() => policy.onRefresh(viewOf(session, device)), policyTimeout);
      return verdictOf(decision);
    } catch (error) {
      this.logger.error('The session policy failed', {
        event: 'policy.failed',
        session_id: session.id,
        cause: logCause(error),
      });
      if (onPolicyFailure === 'allow') return ALLOWED;
      throw new TemporarilyUnavailableError('policy');
    }
  }

  /** The host's policy, looked up at its first use: a policy may inject the services that ask it. */
  private policy(): SessionPolicy | null {
    if (this.found === undefined) this.found = this.moduleRef.get<SessionPolicy | null>(SESSION_POLICY);
    return this.found;
  }
}

function viewOf(session: Session, device: Device): PolicySession {
  const { id, subject, clientId, scope, claims, label, createdAt, lastUsedAt, userAgent, ip } = session;
  return { id, subject, clientId, scope, claims, label, createdAt, lastUsedAt, userAgent, ip, device };
}

/** @throws where it is no decision: whatever isn't a clear yes or no must not pass for one */
function verdictOf(decision: PolicyDecision): PolicyVerdict {
  if (decision.allow === false) {
    // A no is one without a reason, too.
    const { reason } = decision as { reason: unknown };
    return { allow: false, reason: typeof reason === 'string' ? reason.slice(0, MAX_REASON) : '' };
  }
  if (decision.allow !== true) throw new TypeError('The policy returned neither allow: true nor allow: false.');
  const { claims, scope } = decision;
  if (claims === undefined && scope === undefined) return ALLOWED;
  return {
    allow: true,
    amendments: {
      claims: claims === undefined || claims === null ? claims : checkClaims(claims),
      scope: scope === undefined || scope === null ? scope : checkScope(scope),
    },
  };
}
