import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AccessTokenClaims } from '../access-token/access-token.claims.js';
import { RequestContextKey } from '../http/request-context.js';

/** The claims that `AccessTokenGuard` has let through. What a client sends may look like claims, and is never here. */
export const admittedClaims = new RequestContextKey<AccessTokenClaims>('claims');

interface Carrier {
  readonly req?: Carrier;
  readonly handshake?: Carrier;
}

/**
 * The claims of the access token that `AccessTokenGuard` let through, over HTTP, GraphQL and Socket.IO; `undefined`
 * where the guard let none through on this request, or this connection.
 * @example me(@CurrentToken() { sub, tenant }: AccessTokenClaims<{ tenant: string }>) {}
 */
export const CurrentToken = createParamDecorator((_: undefined, context: ExecutionContext) => {
  // The request is the first argument of a handler over HTTP, in the third's `req` of a GraphQL resolver, and in the
  // first's `handshake` of a gateway.
  const carriers = context.getArgs<(Carrier | undefined)[]>();
  return carriers
    .flatMap((carrier) => [carrier, carrier?.req, carrier?.handshake])
    .map((request) => (request ? admittedClaims.get(request) : undefined))
    .find((claims) => claims !== undefined);
});
