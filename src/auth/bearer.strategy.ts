import { Injectable, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-http-bearer';
import { currentProver } from './bearer.guard.js';

/**
 * A bearer strategy with a name of its own. Passport keeps one strategy a name for the whole process, the last one
 * made. Where two applications live in one process, each guard brings what its own module proves tokens with, so that
 * neither verifies with the other's keys; a request without a guard of ours proves nothing.
 */
export function bearerStrategy(name: string): Type {
  @Injectable()
  class BearerStrategy extends PassportStrategy(Strategy, name) {
    /** Throws what the guard's module throws. */
    async validate(token: string): Promise<object | false> {
      return (await currentProver.getStore()?.(token)) ?? false;
    }
  }
  return BearerStrategy;
}
