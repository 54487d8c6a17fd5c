import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-http-bearer';
import type { AuthRequest } from '../auth.request.js';
import { REFRESH_TOKEN_STRATEGY } from '../auth.tokens.js';
import { RefreshTokenCodec } from './refresh-token.codec.js';
import type { RefreshToken } from './refresh-token.js';

/** Where the guard leaves the codec of its own module for the strategy. */
export const REQUEST_CODEC = Symbol('nest-refresh-token:codec');

/** Proves a presented refresh token, without any database work. */
@Injectable()
export class RefreshTokenStrategy extends PassportStrategy(Strategy, REFRESH_TOKEN_STRATEGY) {
  constructor(private readonly codec: RefreshTokenCodec) {
    super({ passReqToCallback: true });
  }

  /**
   * Passport keeps one strategy a name for the whole process, the last one made. Where two applications live in one
   * process, the guard names the codec of its own, so that neither verifies with the other's secrets.
   * @throws InvalidRefreshTokenError
   */
  validate(request: AuthRequest & { [REQUEST_CODEC]?: RefreshTokenCodec }, token: string): RefreshToken {
    return (request[REQUEST_CODEC] ?? this.codec).decode(token);
  }
}
