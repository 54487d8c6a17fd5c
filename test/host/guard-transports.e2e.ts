import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpException, Injectable, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import {
  AccessTokenGuard,
  CurrentToken,
  RequireScope,
  SessionService,
  type AccessTokenClaims,
} from 'nest-refresh-token';
import { signIn, type SignedIn } from 'nest-refresh-token/testing';
import { provided, startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import { decoded } from '../support/http/jwt.js';

/** As a host writes them, with the packages of its transports at hand. */
@Injectable()
class GraphqlGuard extends AccessTokenGuard {
  override getRequest(context: ExecutionContext) {
    return context.getArgByIndex<{ req: never }>(2).req;
  }
}

@Injectable()
class GatewayGuard extends AccessTokenGuard {
  override getRequest(context: ExecutionContext) {
    return context.switchToWs().getClient<{ handshake: never }>().handshake;
  }
}

/** For a part of the schema where a session that has ended is over at once. */
@Injectable()
class StrictGraphqlGuard extends GraphqlGuard {
  protected override prove(token: string): Promise<AccessTokenClaims> {
    return this.accessTokens.verify(token, { checkSession: true });
  }
}

class Handlers {
  anything(@CurrentToken() _token: AccessTokenClaims): void {}

  @RequireScope('orders:write')
  orders(): void {}
}

interface Transport {
  readonly name: string;
  readonly guard: new (...args: never) => AccessTokenGuard;
  /** What Nest hands over to a guard and to a handler's parameters. */
  context(request: object, sent?: object): ExecutionContextHost;
}

const graphql: Transport = {
  name: 'GraphQL',
  guard: GraphqlGuard,
  context: (req, args = {}) => contextOf('graphql', [undefined, args, { req }, { fieldName: 'orders' }]),
};

const socketIo: Transport = {
  name: 'Socket.IO',
  guard: GatewayGuard,
  context: (handshake, data = {}) => contextOf('ws', [{ id: 'socket', handshake }, data, 'orders']),
};

function contextOf(type: string, args: unknown[], handler: keyof Handlers = 'anything'): ExecutionContextHost {
  const context = new ExecutionContextHost(args, Handlers, Handlers.prototype[handler]);
  context.setType(type);
  return context;
}

/** What the parameter of a handler gets, past the framework. */
function currentToken(context: ExecutionContext): unknown {
  const parameters = Reflect.getMetadata(ROUTE_ARGS_METADATA, Handlers, 'anything') as Record<
    string,
    { factory: (data: undefined, context: ExecutionContext) => unknown }
  >;
  return Object.values(parameters)[0]?.factory(undefined, context);
}

const FORGED_CLAIMS = { sub: 'mallory', scope: 'everything' };

describe.each([graphql, socketIo])('The guard over $name', ({ guard, context }) => {
  let host: GuardedHost;
  let alice: SignedIn;
  let guarding: AccessTokenGuard;

  beforeAll(async () => {
    host = await startGuardedHost({ providers: [GraphqlGuard, GatewayGuard] });
    alice = await signIn(host.app, 'alice', { scope: 'orders:read' });
    guarding = host.app.get<AccessTokenGuard>(guard);
  });
  afterAll(() => host?.close());

  it('lets a good token through, and its claims are found', async () => {
    const message = context({ headers: { authorization: alice.authorization } });
    expect(await guarding.canActivate(message)).toBe(true);
    expect(currentToken(message)).toEqual(decoded(alice.access_token).claims);
  });

  it('finds no claims where it does not guard', async () => {
    const message = context({ headers: { authorization: alice.authorization } });
    expect(currentToken(message)).toBeUndefined();
  });

  it.each([null, '', 'text', 0, [null], { req: null, handshake: null }])(
    'finds no claims, and the handler runs, where the client has sent %j',
    async (sent) => {
      const headers = { authorization: alice.authorization };
      expect(currentToken(context({ headers }, sent as object))).toBeUndefined();
      const message = context({ headers }, sent as object);
      await guarding.canActivate(message);
      expect(currentToken(message)).toMatchObject({ sub: 'alice' });
    },
  );

  it.each<[string, object]>([
    ['accessToken', { accessToken: FORGED_CLAIMS }],
    ['req', { req: { accessToken: FORGED_CLAIMS } }],
    ['handshake', { handshake: { accessToken: FORGED_CLAIMS } }],
  ])('takes no claims from what the client has sent as its %s', async (_, sent) => {
    const headers = { authorization: alice.authorization };
    expect(currentToken(context({ headers }, sent))).toBeUndefined();
    const message = context({ headers }, sent);
    await guarding.canActivate(message);
    expect(currentToken(message)).toMatchObject({ sub: 'alice' });
  });

  it.each<[string, number, object, object]>([
    ['no token', 401, {}, { error: 'missing_token' }],
    ['a malformed one', 401, { authorization: 'Bearer a b' }, { error: 'invalid_token' }],
    ['a forged one', 401, { authorization: 'Bearer a.b.c' }, { error: 'invalid_token' }],
  ])('throws an HttpException for %s, and touches no response', async (_, status, headers, body) => {
    const message = context({ headers });
    const error: unknown = await guarding.canActivate(message).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HttpException);
    expect((error as HttpException).getStatus()).toBe(status);
    expect((error as HttpException).getResponse()).toEqual(body);
    expect(currentToken(message)).toBeUndefined();
  });

  it('throws one for a scope that is not reached', async () => {
    const message = contextOf(
      context({}).getType(),
      context({ headers: { authorization: alice.authorization } }).getArgs(),
      'orders',
    );
    const error: unknown = await guarding.canActivate(message).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HttpException);
    expect((error as HttpException).getStatus()).toBe(403);
  });

  it.each<[string, object]>([
    ['the URL', { url: '/?access_token=x', query: { access_token: 'x' } }],
    ['a form', { body: { access_token: 'x' }, type: 'application/x-www-form-urlencoded' }],
  ])('refuses a token in %s', async (_, { type, ...place }: { type?: string }) => {
    const headers = { authorization: alice.authorization, ...(type !== undefined && { 'content-type': type }) };
    const message = context({ headers, ...place });
    const error: unknown = await guarding.canActivate(message).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HttpException);
    expect((error as HttpException).getStatus()).toBe(400);
  });

  it("takes a field of JSON for the host's own, and no token from it", async () => {
    const place = { body: { access_token: alice.access_token, variables: { access_token: 'x' } } };
    const own = context({
      headers: { authorization: alice.authorization, 'content-type': 'application/json' },
      ...place,
    });
    expect(await guarding.canActivate(own)).toBe(true);
    const missing = context({ headers: { 'content-type': 'application/json' }, ...place });
    const error: unknown = await guarding.canActivate(missing).catch((thrown: unknown) => thrown);
    expect((error as HttpException).getStatus()).toBe(401);
  });
});

describe('Two guards of one request, at the same time', () => {
  let host: GuardedHost;
  beforeAll(async () => {
    host = await startGuardedHost({ providers: [GraphqlGuard, StrictGraphqlGuard] });
  });
  afterAll(() => host?.close());

  it.each([
    ['stricter', [StrictGraphqlGuard, GraphqlGuard]],
    ['milder', [GraphqlGuard, StrictGraphqlGuard]],
  ])('each go by their own rules, the %s first', async (_, guards) => {
    const { authorization, session_id } = await signIn(host.app, 'alice');
    await provided(host, SessionService).end(session_id);
    const operation = graphql.context({ headers: { authorization } });
    const outcomes = await Promise.allSettled(guards.map((guard) => host.app.get(guard).canActivate(operation)));
    const passed = guards.filter((__, at) => outcomes[at]?.status === 'fulfilled');
    expect(passed).toEqual([GraphqlGuard]);
  });
});
