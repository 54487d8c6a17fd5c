import { Injectable, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-http-bearer';
import { currentProver } from './bearer.guard.js';

type PassportRequest = Parameters<InstanceType<typeof Strategy>['authenticate']>[0];

/**
 * A bearer strategy with a name of its own. Passport keeps one strategy a name for the whole process, the last one
 * made. Where two applications live in one process, each guard brings what its own module proves tokens with, so that
 * neither verifies with the other's keys; a request without a guard of ours proves nothing.
 */
export function bearerStrategy(name: string): Type {
  @Injectable()
  class BearerStrategy extends PassportStrategy(Strategy, name) {
    /** The header alone: the strategy would take a token from the body and the query, which the guard has refused. */
    override authenticate({ headers }: PassportRequest): void {
      super.authenticate({ headers } as PassportRequest);
    }

    /** Throws what the guard's module throws. */
    async validate(token: string): Promise<object | false> {
      return (await currentProver.getStore()?.(token)) ?? false;
    }
  }
  return BearerStrategy;
}
