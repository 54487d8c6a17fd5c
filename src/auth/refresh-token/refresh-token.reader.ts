import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { InvalidRefreshTokenError, TemporarilyUnavailableError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS, LEGACY_TOKENS } from '../injection-tokens.js';
import { Clock } from '../runtime/clock.js';
import { checkIssueOptions } from '../session/issue-options.js';
import { SessionCreator } from '../session/session.creator.js';
import { SessionStore } from '../session/session.store.js';
import { logCause } from '../runtime/log-cause.js';
import { withTimeLimit } from '../runtime/time-limit.js';
import { LEGACY_NUMBER, legacyToken, mayBeLegacy } from './legacy/legacy-token-id.js';
import type { LegacyTokens } from './legacy/legacy-tokens.js';
import { RefreshTokenCodec } from './refresh-token.codec.js';
import type { RefreshToken } from './refresh-token.js';

/** Reads and proves presented refresh tokens: the module's own, and those that a host handed out before. */
@Injectable()
export class RefreshTokenReader implements OnModuleInit {
  private readonly logger = new Logger('LegacyTokens');
  private found: LegacyTokens | null | undefined;

  constructor(
    private readonly codec: RefreshTokenCodec,
    private readonly store: SessionStore,
    private readonly sessions: SessionCreator,
    private readonly clock: Clock,
    private readonly moduleRef: ModuleRef,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /** A resolver that can't be looked up, such as one that is made for each request, stops the start. */
  onModuleInit(): void {
    this.legacyTokens();
  }

  /**
   * The token that a text is.
   * @param isLeaving whether its session is to be ended: one that begins for that makes no other one end
   * @throws InvalidRefreshTokenError `malformed`, `unknown_secret` or `bad_mac`
   * @throws TemporarilyUnavailableError where a token of the host's own can't be looked up
   */
  async read(text: string, { isLeaving = false } = {}): Promise<RefreshToken> {
    const legacyTokens = this.legacyTokens();
    if (!legacyTokens) return this.codec.decode(text);
    try {
      return this.codec.decode(text);
    } catch (error) {
      if (!(error instanceof InvalidRefreshTokenError) || error.reason !== 'malformed') throw error;
      return await this.adopt(text, legacyTokens, isLeaving, error);
    }
  }

  /** Sees to it that the old token has a session, and hands it over as that session's first token. */
  private async adopt(
    text: string,
    legacyTokens: LegacyTokens,
    isLeaving: boolean,
    malformed: Error,
  ): Promise<RefreshToken> {
    if (!mayBeLegacy(text)) throw malformed;
    const token = legacyToken(text);
    if (await this.store.find(token.sessionId)) return token;

    const resolved = await this.resolve(text, legacyTokens);
    if (!resolved) throw malformed;
    const { options, revokeOthers } = resolved;
    const session = { id: token.sessionId, ...options };
    await this.sessions.adopt(session, LEGACY_NUMBER, { revokeOthers, isLeaving }, this.clock.now());
    return token;
  }

  /** The host's resolver, looked up at its first use: a resolver may inject the services that ask it. */
  private legacyTokens(): LegacyTokens | null {
    if (this.found === undefined) this.found = this.moduleRef.get<LegacyTokens | null>(LEGACY_TOKENS);
    return this.found;
  }

  private async resolve(text: string, legacyTokens: LegacyTokens) {
    try {
      const options = await withTimeLimit(() => legacyTokens.resolve(text), this.options.session.policyTimeout);
      return options && { options: checkIssueOptions(options), revokeOthers: options.revokeOthers === true };
    } catch (error) {
      this.logger.error('The resolver of old tokens failed', {
        event: 'legacy_tokens.failed',
        cause: logCause(error, { withMessage: false }),
      });
      throw new TemporarilyUnavailableError('legacy_tokens');
    }
  }
}
