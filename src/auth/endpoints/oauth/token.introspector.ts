import { Inject, Injectable } from '@nestjs/common';
import { isAccessToken } from '../../access-token/access-token.type.js';
import { AccessTokenVerifier } from '../../access-token/access-token.verifier.js';
import { InvalidAccessTokenError, InvalidRefreshTokenError } from '../../auth.errors.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../../injection-tokens.js';
import { RefreshTokenCodec } from '../../refresh-token/refresh-token.codec.js';
import { RefreshTokenService } from '../../refresh-token/refresh-token.service.js';

/** The answer about a token (RFC 7662 §2.2). Of a token that isn't good, nothing more is told. */
export type TokenIntrospection = { readonly active: false } | ActiveToken;

interface ActiveToken {
  readonly active: true;
  readonly sub: string;
  readonly sid: string;
  /** Seconds since the epoch. */
  readonly exp: number;
  readonly iat: number;
  readonly [claim: string]: unknown;
}

const INACTIVE: TokenIntrospection = { active: false };

/** Tells what a token is good for, without using the token up. */
@Injectable()
export class TokenIntrospector {
  constructor(
    private readonly accessTokens: AccessTokenVerifier,
    private readonly codec: RefreshTokenCodec,
    private readonly refreshTokens: RefreshTokenService,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * The claims of an access token, or the session of a refresh token. The session is looked up for both kinds.
   * @throws TemporarilyUnavailableError where the database can't answer
   * @example const { active } = await introspector.introspect(presented);
   */
  async introspect(token: string): Promise<TokenIntrospection> {
    try {
      return isAccessToken(token) ? await this.ofAccessToken(token) : await this.ofRefreshToken(token);
    } catch (error) {
      if (error instanceof InvalidAccessTokenError || error instanceof InvalidRefreshTokenError) return INACTIVE;
      throw error;
    }
  }

  private async ofAccessToken(token: string): Promise<TokenIntrospection> {
    const claims = await this.accessTokens.verify(token, { checkSession: true });
    // The host's own claims come first: none of them can overwrite `active` or `token_type`.
    return { ...claims, active: true, token_type: 'Bearer' };
  }

  private async ofRefreshToken(text: string): Promise<TokenIntrospection> {
    const token = this.codec.decode(text);
    const session = await this.refreshTokens.peek(token);
    if (!session) return INACTIVE;
    const { issuer, audience } = this.options.accessToken;
    const { idleTtl, absoluteTtl } = this.options.rotation;
    // The row of a restored backup is behind its token and has an end that is too early: a refresh judges by the token.
    const isAhead = token.number > session.issued;
    const end = isAhead ? Math.min(token.number + idleTtl, session.createdAt + absoluteTtl) : session.expiresAt;
    return {
      active: true,
      iss: issuer,
      sub: session.subject,
      aud: audience,
      exp: Math.floor(end / 1_000),
      iat: Math.floor(token.number / 1_000),
      sid: session.id,
      ...(session.clientId === null ? {} : { client_id: session.clientId }),
      ...(session.scope === null ? {} : { scope: session.scope }),
    };
  }
}
