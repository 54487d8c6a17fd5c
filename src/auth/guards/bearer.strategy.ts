import { Injectable, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-http-bearer';

/** Proves a token, or throws an `AuthError`. */
export type Prover = (token: string) => Promise<object>;

type PassportRequest = Parameters<InstanceType<typeof Strategy>['authenticate']>[0];

/** What a guard tells the strategy by Passport's options. */
export interface BearerStrategyOptions {
  /** Where the proved token is left on the request. */
  readonly property: string;
  readonly session: boolean;
  /** What stands in the `Authorization` header, or would: a cookie has a token, too. */
  readonly credentials: string;
  readonly prover: Prover;
}

/** What of a request the strategy is shown: the header alone, and who proves its token. */
type ShownRequest = Pick<PassportRequest, 'headers'> & Pick<Partial<BearerStrategyOptions>, 'prover'>;

/**
 * A bearer strategy with a name of its own. Passport keeps one strategy a name for the whole process, the last one
 * made. Where two applications live in one process, each guard brings what its own module proves tokens with, so that
 * neither verifies with the other's keys; without a guard of ours, every token is refused.
 */
export function bearerStrategy(name: string): Type {
  @Injectable()
  class BearerStrategy extends PassportStrategy(Strategy, name) {
    constructor() {
      super({ passReqToCallback: true });
    }

    /**
     * Shows the strategy an object of this call alone: over GraphQL and Socket.IO several guards work on one request
     * at the same time; and a token in the body or the query, which the guard has refused, it would take.
     */
    override authenticate(
      { headers }: PassportRequest,
      { prover, credentials = headers.authorization }: Partial<BearerStrategyOptions> = {},
    ): void {
      const shown = { headers: { authorization: credentials }, ...(prover && { prover }) } satisfies ShownRequest;
      super.authenticate(shown as PassportRequest & ShownRequest);
    }

    /** Throws what the guard's module throws. */
    async validate({ prover }: ShownRequest, token: string): Promise<object | false> {
      return (await prover?.(token)) ?? false;
    }
  }
  return BearerStrategy;
}
