import type { KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { JwtService, type JwtVerifyOptions } from '@nestjs/jwt';
import { InvalidAccessTokenError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { Clock } from '../runtime/clock.js';
import { KeyRing } from '../key-ring/key-ring.js';
import { isLive } from '../rotation/rotation.rule.js';
import { isSessionId } from '../session/session.service.js';
import { SessionStore } from '../session/session.store.js';
import type { AccessTokenClaims } from './access-token.claims.js';
import type { SigningKey } from '../keys/signing-key.js';
import { isAccessTokenType, jwtHeader } from './access-token.type.js';

/** How strictly an access token is verified. */
export interface VerifyOptions {
  /** Whether the token's session must be alive, for one SELECT. Default: `accessToken.checkSession`. */
  checkSession?: boolean | undefined;
}

/** In characters. No issued token is as long: 4 KiB of claims and 1 KiB of scope, in base64url. */
const MAX_LENGTH = 16_384;

/** Verifies the module's own access tokens. Nothing but `checkSession` needs the database. */
@Injectable()
export class AccessTokenVerifier {
  constructor(
    private readonly jwt: JwtService,
    private readonly keyRing: KeyRing,
    private readonly store: SessionStore,
    private readonly clock: Clock,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /**
   * The claims of a good access token.
   * @throws InvalidAccessTokenError where the token isn't this module's, isn't good, or its session has ended
   * @throws TemporarilyUnavailableError where the session can't be looked up
   * @example const { sub } = await accessTokens.verify(jwt);
   */
  async verify<TClaims extends object = Record<string, unknown>>(
    jwt: string,
    { checkSession = this.options.accessToken.checkSession }: VerifyOptions = {},
  ): Promise<AccessTokenClaims<TClaims>> {
    const claims = this.prove(jwt);
    // `session.notBefore` works without the database, too: `auth_time` is when the session was created.
    if ((claims.auth_time + 1) * 1_000 <= this.options.rotation.notBefore) {
      throw new InvalidAccessTokenError('session_ended');
    }
    if (checkSession) await this.requireLiveSession(claims.sid);
    return claims as AccessTokenClaims<TClaims>;
  }

  private prove(jwt: string): AccessTokenClaims {
    const header = typeof jwt === 'string' && jwt.length <= MAX_LENGTH ? jwtHeader(jwt) : undefined;
    if (!header) throw new InvalidAccessTokenError('malformed');
    if (!isAccessTokenType(header['typ'])) throw new InvalidAccessTokenError('wrong_type');
    // RFC 7515 §4.1.11: a critical extension that isn't understood is refused, and none is understood here.
    if (header['crit'] !== undefined) throw new InvalidAccessTokenError('malformed');
    const key = this.keyRing.signingKeys.find(({ keyId }) => keyId === header['kid']);
    if (!key) throw new InvalidAccessTokenError('unknown_key');

    let claims: Record<string, unknown>;
    try {
      claims = this.jwt.verify<Record<string, unknown>>(jwt, this.verifyOptions(key));
    } catch (error) {
      throw refusalOf(error);
    }
    if (!isComplete(claims)) throw new InvalidAccessTokenError('wrong_claims');
    return claims;
  }

  private verifyOptions({ algorithm, verificationKey }: SigningKey): JwtVerifyOptions {
    const { issuer, audience, clockTolerance } = this.options.accessToken;
    return {
      // RFC 8725 §3.1: the key decides on the algorithm, never the token.
      algorithms: [algorithm],
      issuer,
      audience,
      clockTimestamp: Math.floor(this.clock.now() / 1_000),
      clockTolerance: clockTolerance / 1_000,
      // The library takes a KeyObject of either kind; only the types of JwtService don't.
      secret: verificationKey as KeyObject & Buffer,
    };
  }

  /** The session may have ended since the token was signed, or its life may have been shortened. */
  private async requireLiveSession(sessionId: string): Promise<void> {
    const session = await this.store.find(sessionId);
    if (!session || !isLive(session, this.clock.now(), this.options.rotation)) {
      throw new InvalidAccessTokenError('session_ended');
    }
  }
}

/** Whether the claims are there that RFC 9068 §2.2 requires: the JWT library asks for none of them. */
function isComplete(claims: Record<string, unknown>): claims is AccessTokenClaims {
  return (
    typeof claims['sub'] === 'string' &&
    typeof claims['exp'] === 'number' &&
    typeof claims['iat'] === 'number' &&
    typeof claims['jti'] === 'string' &&
    typeof claims['auth_time'] === 'number' &&
    ['string', 'undefined'].includes(typeof claims['scope']) &&
    isSessionId(claims['sid'])
  );
}

function refusalOf(error: unknown): InvalidAccessTokenError {
  const { name = '', message = '' } = error instanceof Error ? error : {};
  if (name === 'TokenExpiredError') return new InvalidAccessTokenError('expired');
  if (/^jwt (?:issuer|audience) invalid|^jwt not active/.test(message)) {
    return new InvalidAccessTokenError('wrong_claims');
  }
  return new InvalidAccessTokenError(/signature|algorithm/.test(message) ? 'bad_signature' : 'malformed');
}
