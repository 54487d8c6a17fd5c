import { Injectable, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-http-bearer';
import type { AuthRequest } from './auth.request.js';
import { REQUEST_PROVER, type Prover } from './bearer.guard.js';

/**
 * A bearer strategy with a name of its own. Passport keeps one strategy a name for the whole process, the last one
 * made. Where two applications live in one process, each guard brings what its own module proves tokens with, so that
 * neither verifies with the other's keys; a request without a guard of ours proves nothing.
 */
export function bearerStrategy(name: string): Type {
  @Injectable()
  class BearerStrategy extends PassportStrategy(Strategy, name) {
    constructor() {
      super({ passReqToCallback: true });
    }

    /** Throws what the guard's module throws. */
    async validate(request: AuthRequest & { [REQUEST_PROVER]?: Prover }, token: string): Promise<object | false> {
      return (await request[REQUEST_PROVER]?.(token)) ?? false;
    }
  }
  return BearerStrategy;
}
