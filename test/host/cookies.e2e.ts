import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Global,
  HttpCode,
  HttpException,
  HttpStatus,
  Inject,
  Injectable,
  Module,
  Post,
  Req,
  Res,
  UseFilters,
  UseGuards,
  type CanActivate,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import {
  AccessTokenGuard,
  AuthErrorFilter,
  AuthExceptionFilter,
  ConfigurationError,
  LogoutController,
  RefreshTokenController,
  RefreshTokenCookies,
  RefreshTokenGuard,
  RefreshTokenService,
  type CookieTokenResponse,
  type IssuedSession,
  type LogoutRequest,
  type RefreshTokenRequest,
} from 'nest-refresh-token';
import { COOKIE, cookie, OWN_PAGE, refreshByCookie, setCookie, setting, tokenIn } from '../support/http/cookies.js';
import { startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import type { Host } from '../support/hosts/host.js';
import { bearer, call, json, type Answer } from '../support/http/http.js';
import { INVALID_TOKEN, json as jsonAnswer, REFUSED, wire } from '../support/http/wire.js';

const PAGE = 'https://app.example.com';
const DAYS_30 = 30 * 86_400;
const NAME = 'app-session';
const CLEARED = setCookie('', 0, NAME, 'Lax');
const FOREIGN_PAGE = { Origin: 'https://evil.example.net', 'Sec-Fetch-Site': 'cross-site' };
const THEME = 'theme=dark; Path=/';
const FORBIDDEN = jsonAnswer(
  403,
  `{"error":"forbidden_origin","error_description":"Origin: got https://evil.example.net, takes the endpoint's own, or one of cookie.origins (CORS_ORIGINS)."}`,
);

/** The host's other cookies, on either adapter. */
@Injectable()
class OwnCookies {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  append(response: unknown, header: string): void {
    this.adapterHost.httpAdapter.appendHeader(response, 'Set-Cookie', header);
  }
}

@Global()
@Module({ providers: [OwnCookies], exports: [OwnCookies] })
class OwnCookiesModule {}

/** A login and a logout of the host's own, which has other cookies. */
@Controller()
@UseFilters(AuthErrorFilter)
class SignInController {
  constructor(
    private readonly own: OwnCookies,
    private readonly refreshTokens: RefreshTokenService,
    private readonly cookies: RefreshTokenCookies,
  ) {}

  @Post('sign-in')
  @HttpCode(HttpStatus.OK)
  async signIn(@Res({ passthrough: true }) response: unknown): Promise<CookieTokenResponse<IssuedSession>> {
    this.own.append(response, THEME);
    const session = this.cookies.set(response, await this.refreshTokens.issue({ subject: 'alice' }));
    this.own.append(response, 'language=en; Path=/');
    return session;
  }

  @Post('sign-out')
  @HttpCode(HttpStatus.NO_CONTENT)
  @UseGuards(RefreshTokenGuard)
  async signOut(@Req() { refreshToken }: RefreshTokenRequest, @Res({ passthrough: true }) response: unknown) {
    this.own.append(response, 'theme=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT');
    await this.refreshTokens.end(refreshToken);
    this.cookies.clear(response);
  }
}

/** Routes of the host's own that a refresh token opens; the first has no filter of the module. */
@Controller()
class DeviceController {
  constructor(
    private readonly own: OwnCookies,
    private readonly refreshTokens: RefreshTokenService,
  ) {}

  @Get('device')
  @UseGuards(RefreshTokenGuard)
  device(@Req() { refreshToken }: RefreshTokenRequest, @Res({ passthrough: true }) response: unknown) {
    this.own.append(response, THEME);
    return { session: refreshToken.sessionId };
  }

  @Post('twice')
  @UseGuards(RefreshTokenGuard, RefreshTokenGuard)
  @UseFilters(AuthExceptionFilter)
  async twice(@Req() { refreshToken }: RefreshTokenRequest) {
    return this.refreshTokens.rotate(refreshToken);
  }

  @Get('account')
  @UseGuards(AccessTokenGuard)
  account() {
    return {};
  }
}

@Injectable()
class TooMany implements CanActivate {
  canActivate(): boolean {
    throw new HttpException('slowly', HttpStatus.TOO_MANY_REQUESTS);
  }
}

/** A subclass with a guard of the host's behind the module's. */
@Controller('limited')
class LimitedController extends RefreshTokenController {
  @Post()
  @UseGuards(TooMany)
  override refresh(@Req() request: RefreshTokenRequest, @Res() response: unknown): Promise<void> {
    return super.refresh(request, response);
  }
}

/** A subclass with work of its own before the answer. */
@Controller('again')
class AgainController extends RefreshTokenController {
  @Inject(OwnCookies) private readonly own!: OwnCookies;

  @Post()
  override async refresh(@Req() request: RefreshTokenRequest, @Res() response: unknown): Promise<void> {
    this.own.append(response, THEME);
    await super.refresh(request, response);
  }
}

@Controller('goodbye')
class GoodbyeController extends LogoutController {
  @Inject(OwnCookies) private readonly own!: OwnCookies;

  @Post()
  override async logout(@Req() request: LogoutRequest, @Res() response: unknown): Promise<void> {
    this.own.append(response, THEME);
    await super.logout(request, response);
  }
}

/** The token in the cookie that an answer sets after the host's first. */
function besideTheme({ headers, ...answer }: Answer, name = NAME): string {
  const [, second = ''] = headers['set-cookie'] ?? [];
  return tokenIn({ ...answer, headers: { 'set-cookie': [second] } }, name);
}

/** Signs in at the host. @returns the token in the cookie */
async function signInAt({ url }: Host, name = COOKIE): Promise<string> {
  return besideTheme(await call(`${url}/sign-in`), name);
}

describe('A host with the refresh token in a cookie', () => {
  let host: GuardedHost;

  beforeAll(async () => {
    host = await startGuardedHost({
      options: { cookie: { name: NAME, sameSite: 'lax', origins: [PAGE] } },
      extras: { controllers: [RefreshTokenController, LimitedController, AgainController, GoodbyeController] },
      controllers: [SignInController, DeviceController],
      imports: [OwnCookiesModule],
    });
  });
  afterAll(() => host?.close());

  const post = (path: string, token: string, headers: Record<string, string> = OWN_PAGE): Promise<Answer> =>
    call(host.url + path, { headers: { ...cookie(token, NAME), ...headers } });
  const get = (path: string, token: string, headers: Record<string, string>): Promise<Answer> =>
    call(host.url + path, { method: 'GET', headers: { ...cookie(token, NAME), ...headers } });

  it('hands it over at its login beside its other cookies, and keeps it out of the body', async () => {
    const answer = await call(`${host.url}/sign-in`);
    const token = besideTheme(answer);
    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']).toEqual([
      THEME,
      setCookie(token, DAYS_30, NAME, 'Lax'),
      'language=en; Path=/',
    ]);
    expect(json(answer)).toEqual({
      session_id: expect.any(String),
      subject: 'alice',
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3_600,
      refresh_expires_in: DAYS_30,
    });
    expect(answer.text).not.toContain(token);
    expect((await post('/refresh_token', token)).status).toBe(200);
  });

  it('takes it away at its logout beside its other cookies', async () => {
    const token = await signInAt(host, NAME);
    const answer = await post('/sign-out', token);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(answer.headers['set-cookie']).toEqual(['theme=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT', CLEARED]);
    expect(wire(await post('/refresh_token', token))).toEqual(setting(REFUSED, CLEARED));
  });

  it('refuses foreign pages at its logout: nobody is signed out', async () => {
    const token = await signInAt(host, NAME);
    expect(wire(await post('/sign-out', token, FOREIGN_PAGE))).toEqual(FORBIDDEN);
    expect((await post('/refresh_token', token)).status).toBe(200);
  });

  it('lets a listed page refresh', async () => {
    const token = await signInAt(host, NAME);
    const answer = await post('/refresh_token', token, { Origin: PAGE, 'Sec-Fetch-Site': 'cross-site' });
    expect(answer.headers['set-cookie']).toEqual([setCookie(tokenIn(answer, NAME), DAYS_30, NAME, 'Lax')]);
  });

  describe('at a route of its own behind the guard', () => {
    it.each([
      ['a page of its own, which sends no Origin with a GET', { 'Sec-Fetch-Site': 'same-origin' }],
      ['a listed page', { Origin: PAGE, 'Sec-Fetch-Site': 'cross-site' }],
    ])('lets %s in, and hands nothing over', async (_, headers) => {
      const token = await signInAt(host, NAME);
      const answer = await get('/device', token, headers);
      expect([answer.status, json(answer)]).toEqual([200, { session: expect.any(String) }]);
      expect(answer.headers['set-cookie']).toEqual([THEME]);
    });

    it.each<[string, Record<string, string>, string]>([
      ['a foreign page', FOREIGN_PAGE, 'https://evil.example.net'],
      ['a foreign image', { 'Sec-Fetch-Site': 'cross-site' }, 'none'],
      ['a link of a sister domain', { 'Sec-Fetch-Site': 'same-site' }, 'none'],
      ['an address that was typed', { 'Sec-Fetch-Site': 'none' }, 'none'],
      ['a client that says nothing', {}, 'none'],
    ])('refuses %s, without a filter of the module, and takes nothing away', async (_, headers, got) => {
      const token = await signInAt(host, NAME);
      const answer = wire(await get('/device', token, headers));
      const { text, ...others } = FORBIDDEN;
      expect(answer).toEqual({ ...others, text: text.replace('https://evil.example.net', got) });
    });

    it('takes a forged one away, without a filter of the module', async () => {
      expect(wire(await get('/device', 'forged', OWN_PAGE))).toEqual(setting(REFUSED, CLEARED));
    });

    it('takes a refused one away once, however many guards and filters see it', async () => {
      expect(wire(await post('/twice', 'forged'))).toEqual(setting(REFUSED, CLEARED));
      const token = await signInAt(host, NAME);
      await post('/sign-out', token);
      expect(wire(await post('/twice', token))).toEqual(setting(REFUSED, CLEARED));
    });

    it('is none of the access tokens, whose routes look at no cookie', async () => {
      const token = await signInAt(host, NAME);
      const { access_token } = json<CookieTokenResponse>(await post('/refresh_token', token));
      for (const page of [FOREIGN_PAGE, OWN_PAGE]) {
        const good = await get('/account', token, { ...page, ...bearer(access_token) });
        expect(wire(good)).toEqual({ ...jsonAnswer(200, '{}'), headers: { 'content-type': expect.any(String) } });
        const bad = await get('/account', token, { ...page, ...bearer('forged') });
        expect(wire(bad)).toEqual(INVALID_TOKEN);
        expect((await get('/account', token, page)).text).toBe('{"error":"missing_token"}');
      }
      const inCookie = { Cookie: `access_token=${access_token}; ${NAME}=${access_token}`, ...OWN_PAGE };
      expect((await call(`${host.url}/account`, { method: 'GET', headers: inCookie })).status).toBe(401);
    });
  });

  describe('with a subclass of a controller', () => {
    it('refreshes through it, beside its other cookies', async () => {
      const answer = await post('/again', await signInAt(host, NAME));
      const token = besideTheme(answer);
      expect(answer.headers['set-cookie']).toEqual([THEME, setCookie(token, DAYS_30, NAME, 'Lax')]);
      expect(json(answer)).not.toHaveProperty('refresh_token');
      expect((await post('/refresh_token', token)).status).toBe(200);
    });

    it('logs out through it, beside its other cookies', async () => {
      const answer = await post('/goodbye', await signInAt(host, NAME));
      expect([answer.status, answer.headers['set-cookie']]).toEqual([204, [THEME, CLEARED]]);
    });

    it('takes nothing away where it is asked too often: 429, and the session goes on', async () => {
      const token = await signInAt(host, NAME);
      expect(wire(await post('/limited', token))).toEqual(jsonAnswer(429, '{"error":"too_many_requests"}'));
      expect(wire(await post('/limited', token, FOREIGN_PAGE))).toEqual(FORBIDDEN);
      expect((await post('/refresh_token', token)).status).toBe(200);
    });
  });
});

describe('A host with cookies as they come', () => {
  let host: GuardedHost;

  beforeAll(async () => {
    host = await startGuardedHost({
      options: { cookie: {} },
      controllers: [SignInController],
      imports: [OwnCookiesModule],
    });
  });
  afterAll(() => host?.close());

  it('has one for its own pages, of a name that no subdomain can set', async () => {
    const answer = await call(`${host.url}/sign-in`);
    const token = besideTheme(answer, COOKIE);
    expect(answer.headers['set-cookie']).toContain(setCookie(token, DAYS_30));
    expect((await refreshByCookie(host.url, token)).status).toBe(200);
    const elsewhere = { ...cookie(token), Origin: PAGE };
    expect((await call(`${host.url}/refresh_token`, { headers: elsewhere })).status).toBe(403);
  });
});

describe('A host without cookies', () => {
  let host: GuardedHost;
  const response = {};

  beforeAll(async () => {
    host = await startGuardedHost({
      controllers: [SignInController, DeviceController],
      imports: [OwnCookiesModule],
    });
  });
  afterAll(() => host?.close());

  it.each<[string, (cookies: RefreshTokenCookies, session: IssuedSession) => unknown]>([
    ['set', (cookies, session) => cookies.set(response, session)],
    ['clear', (cookies) => cookies.clear(response)],
    ['header', (cookies, session) => cookies.header(session)],
  ])('is told by %s how to switch them on', async (_, use) => {
    const session = await host.app.get(RefreshTokenService).issue({ subject: 'alice' });
    const cookies = host.app.get(RefreshTokenCookies);
    expect(cookies.areOn).toBe(false);
    const message = 'cookie: got nothing, takes {} (or its options) to switch cookies on.';
    expect(() => use(cookies, session)).toThrow(new ConfigurationError(message));
  });

  it('is answered 500 at a login that sets one, and nothing of the token gets out', async () => {
    const answer = await call(`${host.url}/sign-in`);
    expect([answer.status, answer.text]).toEqual([500, '{"error":"server_error"}']);
    expect(answer.headers['set-cookie']).toEqual([THEME]);
  });

  it('takes no cookie at its own routes, of whatever page', async () => {
    const { refresh_token } = await host.app.get(RefreshTokenService).issue({ subject: 'alice' });
    for (const page of [OWN_PAGE, FOREIGN_PAGE]) {
      const headers = { ...cookie(refresh_token), ...page };
      expect((await call(`${host.url}/device`, { method: 'GET', headers })).text).toBe('{"error":"missing_token"}');
      const both = { ...headers, ...bearer(refresh_token) };
      expect((await call(`${host.url}/device`, { method: 'GET', headers: both })).status).toBe(200);
    }
  });
});
