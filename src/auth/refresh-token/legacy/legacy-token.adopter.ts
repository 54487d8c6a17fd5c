import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { TemporarilyUnavailableError } from '../../auth.errors.js';
import { LEGACY_TOKENS, RESOLVED_OPTIONS } from '../../injection-tokens.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { Clock } from '../../runtime/clock.js';
import { logCause } from '../../runtime/log-cause.js';
import { withTimeLimit } from '../../runtime/time-limit.js';
import { checkIssueOptions } from '../../session/issue-options.js';
import { SessionCreator } from '../../session/session.creator.js';
import { SessionStore } from '../../session/session.store.js';
import type { RefreshToken } from '../refresh-token.js';
import { LEGACY_NUMBER, legacyToken, mayBeLegacy } from './legacy-token-id.js';
import type { LegacyTokens } from './legacy-tokens.js';

/** Gives a session to each refresh token that the host handed out before it used this module. */
@Injectable()
export class LegacyTokenAdopter implements OnModuleInit {
  private readonly logger = new Logger('LegacyTokens');
  private found: LegacyTokens | null | undefined;

  constructor(
    private readonly store: SessionStore,
    private readonly sessions: SessionCreator,
    private readonly clock: Clock,
    private readonly moduleRef: ModuleRef,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /** A resolver that can't be looked up, such as one that is made for each request, stops the start. */
  onModuleInit(): void {
    this.resolver();
  }

  /** Whether the host has named its `legacyTokens`. */
  get areThere(): boolean {
    return this.resolver() !== null;
  }

  /**
   * Sees to it that an old token has a session.
   * @param isLeaving whether that session is about to be ended: then it ends no other to make room for itself
   * @returns the old token as the first of its session; `undefined` where the host says that the text is no token
   * @throws TemporarilyUnavailableError where the host's resolver or the database can't say
   */
  async adopt(text: string, isLeaving: boolean): Promise<RefreshToken | undefined> {
    const legacyTokens = this.resolver();
    if (!legacyTokens || !mayBeLegacy(text)) return undefined;
    const token = legacyToken(text);
    if (await this.store.find(token.sessionId)) return token;

    const resolved = await this.resolve(text, legacyTokens);
    if (!resolved) return undefined;
    const { options, revokeOthers } = resolved;
    const session = { id: token.sessionId, ...options };
    await this.sessions.adopt(session, LEGACY_NUMBER, { revokeOthers, isLeaving }, this.clock.now());
    return token;
  }

  private async resolve(text: string, legacyTokens: LegacyTokens) {
    try {
      const options = await withTimeLimit(() => legacyTokens.resolve(text), this.options.session.policyTimeout);
      return options && { options: checkIssueOptions(options), revokeOthers: options.revokeOthers === true };
    } catch (error) {
      this.logger.error('The resolver of old tokens failed', {
        event: 'legacy_tokens.failed',
        // The message may quote the token that the resolver was given.
        cause: logCause(error, { withMessage: false }),
      });
      throw new TemporarilyUnavailableError('legacy_tokens');
    }
  }

  /** The host's resolver, looked up at its first use: a resolver may inject the services that ask it. */
  private resolver(): LegacyTokens | null {
    if (this.found === undefined) this.found = this.moduleRef.get<LegacyTokens | null>(LEGACY_TOKENS);
    return this.found;
  }
}
