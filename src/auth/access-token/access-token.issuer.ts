import { Inject, Injectable, Logger } from '@nestjs/common';
import { JwtService, type JwtSignOptions } from '@nestjs/jwt';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { KeyRing } from '../key-ring/key-ring.js';
import { RandomSource } from '../runtime/random.js';
import type { Session } from '../session/session.js';
import type { SigningKey } from '../keys/signing-key.js';
import { ACCESS_TOKEN_TYPE } from './access-token.type.js';

/** An access token and its life, in whole seconds. */
export interface IssuedAccessToken {
  readonly token: string;
  readonly expiresIn: number;
}

const JWT_ID_SIZE = 16;
const HS256_SECRET_SIZE = 32;

/** Signs access tokens: JWTs of the profile of RFC 9068. */
@Injectable()
export class AccessTokenIssuer {
  private readonly signOptions = new WeakMap<SigningKey, JwtSignOptions>();

  constructor(
    private readonly jwt: JwtService,
    private readonly random: RandomSource,
    private readonly keyRing: KeyRing,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {
    for (const { algorithm, key } of keyRing.signingKeys) {
      if (algorithm !== 'HS256' || (key.symmetricKeySize ?? 0) >= HS256_SECRET_SIZE) continue;
      // RFC 7518 §3.2. Not refused: the host's verifiers have this secret already, and only the host can change theirs.
      const size = `${key.symmetricKeySize} bytes, takes at least ${HS256_SECRET_SIZE}`;
      new Logger('AccessToken').warn(`accessToken.secret: got ${size}: a shorter one can be guessed from a token.`);
    }
  }

  /**
   * A new access token of a session. The token ends with its session at the latest.
   * @param now milliseconds
   */
  issue(session: Session, now: number): IssuedAccessToken {
    const { issuer, audience, ttl } = this.options.accessToken;
    const issuedAt = Math.floor(now / 1_000);
    const expiresIn = Math.floor(Math.min(ttl, session.expiresAt - now) / 1_000);
    // The registered claims come last: a claim of the host can't overwrite them.
    const payload = {
      ...session.claims,
      iss: issuer,
      sub: session.subject,
      aud: audience,
      exp: issuedAt + expiresIn,
      iat: issuedAt,
      jti: this.random.bytes(JWT_ID_SIZE).toString('base64url'),
      sid: session.id,
      auth_time: Math.floor(session.createdAt / 1_000),
      ...(session.clientId === null ? {} : { client_id: session.clientId }),
      ...(session.scope === null ? {} : { scope: session.scope }),
    };
    return { token: this.jwt.sign(payload, this.signOptionsOf(this.keyRing.signingKey)), expiresIn };
  }

  private signOptionsOf(signingKey: SigningKey): JwtSignOptions {
    let options = this.signOptions.get(signingKey);
    if (!options) {
      const { algorithm, key, keyId } = signingKey;
      options = {
        algorithm,
        header: { alg: algorithm, typ: ACCESS_TOKEN_TYPE, ...(keyId === undefined ? {} : { kid: keyId }) },
        ...(algorithm === 'HS256' ? { secret: key } : { privateKey: key }),
      } as JwtSignOptions;
      this.signOptions.set(signingKey, options);
    }
    return options;
  }
}
