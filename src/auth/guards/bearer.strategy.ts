import { Injectable, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-http-bearer';

/** Proves a token, or throws an `AuthError`. */
export type Prover = (token: string) => Promise<object>;

type PassportRequest = Parameters<InstanceType<typeof Strategy>['authenticate']>[0];

/** What a guard tells the strategy through Passport's options. */
export interface BearerStrategyOptions {
  /** Where the proved token is left on the request. */
  readonly property: string;
  /** Whether Passport keeps the user in a server-side session: never. */
  readonly session: false;
  /** The text of the `Authorization` header, or what it would be: a token may come in a cookie, too. */
  readonly credentials: string;
  readonly prover: Prover;
}

/** What the strategy is shown of a request: the one header, and who proves its token. */
type ShownRequest = Pick<PassportRequest, 'headers'> & Pick<Partial<BearerStrategyOptions>, 'prover'>;

/**
 * A bearer strategy with a name of its own. Passport keeps one strategy a name for the whole process: the last one
 * made. Where two applications live in one process, each guard brings the prover of its own module, so that neither
 * verifies with the other's keys. Without a guard of this module there is no prover, and every token is refused.
 */
export function bearerStrategy(name: string): Type {
  @Injectable()
  class BearerStrategy extends PassportStrategy(Strategy, name) {
    constructor() {
      super({ passReqToCallback: true });
    }

    /**
     * Shows passport-http-bearer an object of this call alone, in the place of the request. Over GraphQL and Socket.IO
     * several guards work on one request at the same time; and a token in the body or the query, which the guard has
     * refused, would be taken.
     */
    override authenticate(
      { headers }: PassportRequest,
      { prover, credentials = headers.authorization }: Partial<BearerStrategyOptions> = {},
    ): void {
      const shown = { headers: { authorization: credentials }, ...(prover && { prover }) } satisfies ShownRequest;
      super.authenticate(shown as PassportRequest & ShownRequest);
    }

    /** The proved token, or `false` without a prover. Throws what the prover throws. */
    async validate({ prover }: ShownRequest, token: string): Promise<object | false> {
      return (await prover?.(token)) ?? false;
    }
  }
  return BearerStrategy;
}
