import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { admittedClaims, type AccessTokenClaims } from '../access-token/access-token.claims.js';

interface Carrier {
  readonly accessToken?: AccessTokenClaims;
  readonly req?: Carrier;
  readonly handshake?: Carrier;
}

/**
 * The claims of the access token that `AccessTokenGuard` let through, over HTTP, GraphQL and Socket.IO; `undefined`
 * where it let none through on this request, or this connection.
 * @example me(@CurrentToken() { sub, tenant }: AccessTokenClaims<{ tenant: string }>) {}
 */
export const CurrentToken = createParamDecorator((_: undefined, context: ExecutionContext) => {
  // The request is the first argument of a handler over HTTP, in the third's `req` of a GraphQL resolver, and in the
  // first's `handshake` of a gateway.
  const carriers = context.getArgs<(Carrier | undefined)[]>();
  return carriers
    .flatMap((carrier) => [carrier?.accessToken, carrier?.req?.accessToken, carrier?.handshake?.accessToken])
    .find((claims) => claims !== undefined && admittedClaims.has(claims));
});
