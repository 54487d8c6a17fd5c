import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, HttpStatus, Inject, Post, Res, type Type } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import {
  AuthModule,
  AuthReply,
  getAuthToken,
  LogoutController,
  RefreshTokenController,
  RefreshTokenCookies,
  RefreshTokenService,
} from 'nest-refresh-token';
import {
  COOKIE,
  cookie,
  logoutByCookie,
  OWN_PAGE,
  refreshByCookie,
  setCookie,
  tokenIn,
} from '../support/http/cookies.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { dataSourceOn, startHost, type Host } from '../support/hosts/host.js';
import { call, refreshed } from '../support/http/http.js';
import { ownOptions } from '../support/hosts/several-modules.js';

/** A login that hands the token of one module over in the cookie of that module. */
function signInAt(path: string, name?: string): Type {
  @Controller(path)
  class SignInController {
    constructor(
      @Inject(getAuthToken(RefreshTokenService, name)) private readonly refreshTokens: RefreshTokenService,
      @Inject(getAuthToken(RefreshTokenCookies, name)) private readonly cookies: RefreshTokenCookies,
      @Inject(getAuthToken(AuthReply, name)) private readonly reply: AuthReply,
    ) {}

    @Post()
    async signIn(@Res() response: unknown): Promise<void> {
      const session = await this.refreshTokens.issue({ subject: path });
      this.reply.send(response, HttpStatus.OK, this.cookies.set(response, session));
    }
  }
  return SignInController;
}

describe('A host with two modules, each with a cookie', () => {
  const PARTNERS = 'partner-session';
  let databases: [TestDatabase, TestDatabase];
  let host: Host;

  const twoDatabases = () => Promise.all([createDatabase('SQLite'), createDatabase('SQLite')]);
  const drop = (some: readonly TestDatabase[] = []) => Promise.all(some.map((database) => database.drop()));

  function start([users, partners]: readonly [TestDatabase, TestDatabase], partnersCookie: string): Promise<Host> {
    const controllers = [RefreshTokenController, LogoutController];
    return startHost({
      imports: [
        dataSourceOn(users),
        dataSourceOn(partners, { name: 'partners' }),
        AuthModule.forRoot({ ...ownOptions(undefined), cookie: {}, controllers }),
        AuthModule.forRoot({
          ...ownOptions('partners'),
          name: 'partners',
          dataSource: getDataSourceToken('partners'),
          cookie: { name: partnersCookie },
          controllers,
        }),
      ],
      controllers: [signInAt('sign-in'), signInAt('partners/sign-in', 'partners')],
    });
  }

  beforeAll(async () => {
    databases = await twoDatabases();
    host = await start(databases, PARTNERS);
  });
  afterAll(async () => {
    await host?.app.close();
    await drop(databases);
  });

  /** What a browser has that is signed in at both. */
  async function signedInAtBoth() {
    const partner = tokenIn(await call(`${host.url}/partners/sign-in`), PARTNERS);
    return { user: tokenIn(await call(`${host.url}/sign-in`)), partner };
  }

  it('reads, sets and takes away the one of each only', async () => {
    const { user, partner } = await signedInAtBoth();
    const headers = { ...OWN_PAGE, Cookie: `${COOKIE}=${user}; ${PARTNERS}=${partner}` };
    const next = tokenIn(await call(`${host.url}/partners/refresh_token`, { headers }), PARTNERS);
    const out = await call(`${host.url}/partners/logout`, { headers: { ...OWN_PAGE, ...cookie(next, PARTNERS) } });
    expect(out.headers['set-cookie']).toEqual([setCookie('', 0, PARTNERS)]);
    const refusedAtOne = await call(`${host.url}/partners/refresh_token`, { headers });
    expect([refusedAtOne.status, refusedAtOne.headers['set-cookie']]).toEqual([401, [setCookie('', 0, PARTNERS)]]);
    const goodAtTheOther = await call(`${host.url}/refresh_token`, { headers });
    expect(tokenIn(goodAtTheOther)).toMatch(/^rt_/);
  });

  it('takes the cookie of the other for none', async () => {
    const { user, partner } = await signedInAtBoth();
    const atUsers = await call(`${host.url}/refresh_token`, { headers: { ...OWN_PAGE, ...cookie(partner, PARTNERS) } });
    const atPartners = await refreshByCookie(`${host.url}/partners`, user);
    for (const { text, headers } of [atUsers, atPartners]) {
      expect([text, headers['set-cookie']]).toEqual(['{"error":"missing_token"}', undefined]);
    }
    expect((await logoutByCookie(host.url, user)).status).toBe(204);
  });

  it('does not start where both have the same name: each would overwrite the session of the other', async () => {
    const others = await twoDatabases();
    await expect(start(others, COOKIE).then(({ app }) => app.close())).rejects.toThrow(
      `cookie.name: got "${COOKIE}", which another AuthModule of this application has, takes a name of its own.`,
    );
    await drop(others);
  });

  it('still takes tokens in the header', async () => {
    const { user } = await signedInAtBoth();
    await refreshed(host.url, user);
  });
});
