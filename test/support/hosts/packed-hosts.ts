/** What a host writes in TypeScript; were a type lost on the way, the errors expected here would not come. */
export const HOST = `
import { Module } from '@nestjs/common';
import {
  InvalidRefreshTokenError, RefreshTokenController, RefreshTokenModule, RefreshTokenService, postgresMigrations,
  refreshTokenEntities, type AccessTokenOptions, type AuthModuleExtras, type AuthModuleOptions, type CustomClaims,
  type Duration, type IssuedSession, type IssueOptions, type JsonWebKeySet, type RefreshToken, type RefreshTokenOptions,
  type RefreshTokenRequest, type RefusalReason, type TokenResponse, type UnavailableReason,
} from 'nest-refresh-token';

const options: AuthModuleOptions = {
  refreshToken: { secrets: ['secret'], leeway: '10s' },
  accessToken: { issuer: 'https://app.example.com', algorithm: 'HS256', secret: 'secret' },
};
// @ts-expect-error a boolean is no duration
export const leeway: RefreshTokenOptions = { secrets: [], leeway: true };
// @ts-expect-error HS256 needs a secret
export const access: AccessTokenOptions = { issuer: 'https://app.example.com', algorithm: 'HS256' };
// @ts-expect-error a path is a string
RefreshTokenModule.forRoot({ ...options, path: 1 });
// @ts-expect-error a factory makes all options
RefreshTokenModule.forRootAsync({ useFactory: () => ({ refreshToken: options.refreshToken }) });

class Controller extends RefreshTokenController {}

@Module({
  imports: [
    RefreshTokenModule.forRoot({ ...options, isGlobal: true, controllers: [Controller] }),
    RefreshTokenModule.forRootAsync({ inject: ['options'], useFactory: (given: AuthModuleOptions) => given, path: 'a' }),
  ],
})
export class AppModule {}

export async function login(service: RefreshTokenService, subject: string): Promise<IssuedSession> {
  // @ts-expect-error a subject is a string
  await service.issue({ subject: 1 });
  const { expires_in }: { expires_in: number } = await service.refresh('token').catch((error: unknown) => {
    if (error instanceof InvalidRefreshTokenError) throw new Error(error.reason satisfies RefusalReason);
    throw error;
  });
  return expires_in > 0 ? service.issue({ subject, claims: { tenant: 'acme' } }) : login(service, subject);
}

export const tables: { entities: (new () => object)[]; migrations: (new () => { name: string })[] } = {
  entities: refreshTokenEntities,
  migrations: postgresMigrations,
};
export type All = [
  AuthModuleExtras, CustomClaims, Duration, IssueOptions, JsonWebKeySet, RefreshToken, RefreshTokenRequest,
  TokenResponse, UnavailableReason,
];
`;

/** The same of what guards a host's routes and has a say in its sessions. */
export const GUARDED_HOST = `
import { Controller, Get, Inject, Injectable, Module, UseFilters, UseGuards, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  AccessTokenGuard, AccessTokenVerifier, accessTokenGuard, authErrorFilter, AuthModule, CurrentToken, deviceOf,
  ErrorHeaders, getAuthToken, InvalidAccessTokenError, LegacyTokens, RefreshTokenCookies, RefreshTokenGuard,
  RefreshTokenReader, RefreshTokenService, RequireScope, SessionObserver, SessionPolicy,
  SessionsController, SessionService, type AccessTokenClaims, type AccessTokenRefusal, type AccessTokenRequest,
  type AuthModuleOptions, type Device, type EndSessionOptions, type EndSessionsOptions, type IssueOptions,
  type ListSessionsOptions, type PolicyDecision, type PolicySession, type ReuseDetectedEvent, type RevocationReason,
  type SessionCreatedEvent, type SessionEndedEvent, type SessionEvent, type SessionInfo,
  type SessionListResponse, type SessionLostEvent, type SessionOptions, type SessionPage, type SessionRefreshedEvent,
  type SessionResponse, type UpdateSessionsOptions, type VerifyOptions,
} from 'nest-refresh-token';
import { inMemoryDatabase, signIn, TestClock, testingOptions, type SignedIn } from 'nest-refresh-token/testing';

type Claims = AccessTokenClaims<{ tenant: string }>;

class SocketGuard extends AccessTokenGuard {
  override getRequest(context: ExecutionContext): AccessTokenRequest {
    return context.switchToWs().getClient<{ handshake: AccessTokenRequest }>().handshake;
  }
}

@Injectable()
class OwnGuard extends AccessTokenGuard {
  constructor(verifier: AccessTokenVerifier, reflector: Reflector, headers: ErrorHeaders, readonly sessions: SessionService) {
    super(verifier, reflector, headers);
  }
}

@Injectable()
class OwnRefreshGuard extends RefreshTokenGuard {
  constructor(
    reader: RefreshTokenReader, cookies: RefreshTokenCookies, headers: ErrorHeaders, readonly sessions: SessionService,
  ) {
    super(reader, cookies, headers);
  }
}

@Controller('orders')
@UseFilters(authErrorFilter('partners'))
@UseGuards(AccessTokenGuard, SocketGuard, OwnGuard, OwnRefreshGuard, accessTokenGuard('partners'))
class OrdersController {
  constructor(@Inject(getAuthToken(RefreshTokenService, 'partners')) readonly partners: RefreshTokenService) {}

  @Get()
  @RequireScope('orders:read')
  list(@CurrentToken() { sub, sid, tenant, scope = '' }: Claims): string {
    return [sub, sid, tenant, scope].join();
  }

  // @ts-expect-error a scope is text
  @RequireScope(['orders:read'])
  other(): void {}
}

@Injectable()
class Policy extends SessionPolicy {
  override onRefresh({ subject, device }: PolicySession): PolicyDecision {
    // @ts-expect-error a refusal has a reason
    return device.ip === subject ? { allow: true, claims: null } : { allow: false };
  }
}

@Injectable()
class Observer extends SessionObserver {
  override observe(event: SessionEvent): void {
    if (event.type === 'ended') console.log(event.reason satisfies RevocationReason, event.policyReason);
    if (event.type === 'refreshed') console.log(event.outcome, event.subject);
    // @ts-expect-error whose a lost session was is lost with it
    if (event.type === 'session_lost') console.log(event.subject);
  }
}

@Injectable()
class OldTokens extends LegacyTokens {
  override async resolve(token: string): Promise<IssueOptions | null> {
    return token === 'old' ? { subject: 'alice', label: 'old', ip: '::1', userAgent: 'x', revokeOthers: true } : null;
  }
}

const session: SessionOptions = { maxSessionsPerSubject: 3, notBefore: new Date(), recordDevice: false };
const options: AuthModuleOptions = testingOptions({ session, accessToken: { checkSession: true } });
// @ts-expect-error a policy is a class, since it is given its dependencies
AuthModule.forRoot({ ...options, sessionPolicy: new Policy() });

@Module({
  imports: [
    AuthModule.forRoot({
      ...options, controllers: [SessionsController], sessionPolicy: Policy, sessionObserver: Observer,
      legacyTokens: OldTokens,
    }),
    AuthModule.forRoot({ ...options, name: 'partners' }),
  ],
  controllers: [OrdersController],
})
export class AppModule {}

export async function use(
  sessions: SessionService, verifier: AccessTokenVerifier, tokens: RefreshTokenService,
  app: Parameters<typeof signIn>[0], request: AccessTokenRequest<{ tenant: string }>,
): Promise<number> {
  const { sub, tenant }: Claims = await verifier.verify<{ tenant: string }>('jwt', { checkSession: true });
  const device: Device = deviceOf(request);
  await tokens.refresh('token', device);
  const page: SessionPage = await sessions.list(sub, { limit: 10 } satisfies ListSessionsOptions);
  const ends: boolean[] = await Promise.all(page.sessions.map(({ id }: SessionInfo) => sessions.end(id, { by: 'user' })));
  await tokens.issue({ subject: sub, ...device });
  // @ts-expect-error a subject that may not be there would pass for anybody's
  await sessions.end('id', { subject: undefined });
  // @ts-expect-error neither the host nor the owner
  await sessions.end('id', { by: 'thief' });
  await sessions.update(sub, { claims: { tenant }, scope: null });
  const clock = new TestClock(0);
  const signedIn: SignedIn = await signIn(app, 'alice', { scope: 'orders:read' });
  console.log(clock.now(), signedIn.authorization, inMemoryDatabase([AppModule]).database);
  return ends.length + (await sessions.endAll(request.accessToken.tenant));
}

export function reasonOf(error: unknown): AccessTokenRefusal | undefined {
  return error instanceof InvalidAccessTokenError ? error.reason : undefined;
}
export type All = [
  EndSessionOptions, EndSessionsOptions, ReuseDetectedEvent, SessionCreatedEvent,
  SessionEndedEvent, SessionListResponse, SessionLostEvent, SessionRefreshedEvent, SessionResponse,
  UpdateSessionsOptions, VerifyOptions,
];
`;

/** The same of cookies and of the OAuth endpoints. */
export const OAUTH_HOST = `
import { Body, Controller, Injectable, Module, Post, Req, Res } from '@nestjs/common';
import {
  AuthModule, AuthReply, ForbiddenOriginError, InvalidScopeError, LogoutController, OAuthController, OAuthError,
  OAuthMetadataController, RefreshTokenCookies, RefreshTokenReader, RefreshTokenService, TokenIntrospector,
  type AuthModuleOptions, type CookieOptions, type CookieTokenResponse, type ExchangeOptions, type IssuedSession,
  type LogoutRequest, type OAuthErrorCode, type OAuthOptions, type ScopedTokenResponse, type TokenIntrospection,
} from 'nest-refresh-token';

const cookie: CookieOptions = { origins: ['https://app.example.com'], name: 'refresh', sameSite: 'lax' };
const oauth: OAuthOptions = { url: 'https://app.example.com/oauth', jwksUrl: 'https://app.example.com/jwks.json' };
// @ts-expect-error browsers know three
export const other: CookieOptions = { sameSite: 'same-site' };
// @ts-expect-error a cookie is switched on by its options
export const flag: Pick<AuthModuleOptions, 'cookie'> = { cookie: true };

@Controller('login')
class LoginController {
  constructor(
    private readonly refreshTokens: RefreshTokenService,
    private readonly cookies: RefreshTokenCookies,
  ) {}

  @Post()
  async login(
    @Body() { name }: { name: string },
    @Res({ passthrough: true }) response: object,
  ): Promise<CookieTokenResponse<IssuedSession>> {
    const session = await this.refreshTokens.issue({ subject: name });
    const left = this.cookies.set(response, session);
    // @ts-expect-error it is in the cookie, and no script may see it
    console.log(this.cookies.header(session), left.refresh_token);
    return left;
  }

  @Post('out')
  logout(@Res({ passthrough: true }) response: object): void {
    this.cookies.clear(response);
  }
}

@Controller('login/oauth')
class OwnOAuthController extends OAuthController {}

@Controller('.well-known/oauth-authorization-server/login')
class OwnMetadataController extends OAuthMetadataController {}

@Injectable()
class OwnReply extends AuthReply {}

@Controller('bye')
class ByeController extends LogoutController {
  override async logout(@Req() request: LogoutRequest, @Res() response: object): Promise<void> {
    console.log(request.refreshToken?.sessionId);
    return super.logout(request, response);
  }
}

@Module({
  imports: [
    AuthModule.forRoot({
      refreshToken: { secrets: ['secret'] },
      accessToken: { issuer: 'https://app.example.com', algorithm: 'HS256', secret: 'secret' },
      cookie, oauth, serviceKeys: ['key'],
      controllers: [OAuthController, OAuthMetadataController, OwnOAuthController, OwnMetadataController, ByeController],
    }),
  ],
  controllers: [LoginController],
  providers: [OwnReply],
})
export class AppModule {}

export async function exchange(
  tokens: RefreshTokenService, introspector: TokenIntrospector, reader: RefreshTokenReader, cookies: RefreshTokenCookies,
  options: ExchangeOptions,
): Promise<string | undefined> {
  const { scope, refresh_token }: ScopedTokenResponse = await tokens.exchange('token', options);
  console.log((await reader.read(refresh_token, { isLeaving: true })).sessionId);
  const found: TokenIntrospection = await introspector.introspect(refresh_token);
  // @ts-expect-error nothing is told of a token that may be dead
  console.log(found.sub, await tokens.revoke(refresh_token, { clientId: 'app' }), cookies.areOn);
  return found.active ? found.sub : scope;
}

export function codeOf(error: unknown): OAuthErrorCode | 'forbidden_origin' | 'invalid_scope' | undefined {
  if (error instanceof OAuthError || error instanceof InvalidScopeError) return error.code;
  return error instanceof ForbiddenOriginError ? error.code : undefined;
}
`;

/** What a page, an app or a server writes that signs its user in. */
export const CLIENT = `
import {
  browserStorage, cookieStorage, createSession, memoryStorage, RequestNotRepeatedError, SessionUnavailableError,
  type Session, type SessionEvents, type SessionOptions, type SignedOutReason, type SignInTokens, type TokenStorage,
} from 'nest-refresh-token/client';

const keychain: TokenStorage = { get: async () => null, set: async () => {}, remove: () => {} };
const options: SessionOptions = {
  refreshUrl: 'https://auth.example.com/refresh_token', logoutUrl: null, storage: keychain, patience: 1_000,
  apiOrigins: ['https://api.example.com'], fetch: (input, init) => fetch(input, init), now: () => Date.now(),
};
export const sessions: Session[] = [memoryStorage(), browserStorage('key'), cookieStorage()].map((storage) =>
  createSession({ ...options, storage }),
);
const session = createSession(options);
export const send: typeof fetch = session.fetch;
// @ts-expect-error where tokens are refreshed can't be guessed
createSession({ storage: keychain });
// @ts-expect-error a storage keeps one text
createSession({ ...options, storage: new Map() });

session.on('signedOut', ({ reason }) => console.log(reason satisfies SignedOutReason));
session.on('refreshed', ({ expiresIn }: SessionEvents['refreshed']) => console.log(expiresIn satisfies number));
// @ts-expect-error no event holds a token
session.on('refreshed', ({ access_token }) => console.log(access_token));
// @ts-expect-error no such event
session.on('expired', () => {});
const stop: () => void = session.on('unavailable', ({ retryAfter, status }) => console.log(retryAfter, status));

export async function use(signal: AbortSignal): Promise<string | null> {
  const response: Response = await session.fetch('https://auth.example.com/login', { method: 'POST', signal });
  await session.signIn((await response.json()) as SignInTokens);
  stop();
  try {
    return await session.getAccessToken({ refused: 'token', signal });
  } catch (error) {
    if (error instanceof RequestNotRepeatedError) return String(error.response.status);
    if (error instanceof SessionUnavailableError) return String(error.retryAfter + (error.status ?? 0));
    throw error;
  } finally {
    const isConfirmed: boolean = await session.signOut();
    console.log(isConfirmed);
  }
}
`;
