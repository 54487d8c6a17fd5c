import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ConfigurationError, ForbiddenOriginError, InvalidRequestError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import type { CookieAttributes } from '../formats/cookie.js';
import { bearerCredentials, type AuthRequest } from './auth.request.js';
import { RequestContextKey } from './request-context.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import type { TokenResponse } from '../refresh-token/token-response.js';
import { cookieValues, setCookieHeader } from './cookie/cookie-header.js';
import { isFromAllowedPage } from './cookie/page-origin.js';

/** Tokens without the refresh token, which went into the cookie: no script may see it. */
export type CookieTokenResponse<T extends TokenResponse = TokenResponse> = Omit<T, 'refresh_token'>;

/** The refresh token in a cookie, for browsers. Cookies are off unless the option `cookie` is given. */
@Injectable()
export class RefreshTokenCookies {
  /** What became of a request's cookie. A key of this module's own: another module has another cookie. */
  private readonly use = new RequestContextKey<'presented' | 'taken away'>('cookie');

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
  ) {}

  /** Whether cookies are switched on. */
  get areOn(): boolean {
    return this.options.cookie !== undefined;
  }

  /**
   * Hands the refresh token to the browser in a cookie: call it at the end of your login, with the `cookie` option.
   * @returns the tokens that are left for the body
   * @throws ConfigurationError where cookies are off
   * @example
   * const session = await this.refreshTokens.issue({ subject: user.id });
   * return this.cookies.set(response, session); // With @Res({ passthrough: true }) response
   */
  set<T extends TokenResponse>(response: unknown, tokens: T): CookieTokenResponse<T> {
    const { refresh_token: _, ...others } = tokens;
    this.append(response, this.header(tokens));
    return others;
  }

  /** Takes the browser's cookie away: call it in your logout. @throws ConfigurationError where cookies are off */
  clear(response: unknown): void {
    this.append(response, setCookieHeader(this.attributes(), '', 0));
  }

  /**
   * The text of the `Set-Cookie` header for these tokens, for a backend that sets the header itself.
   * @throws ConfigurationError where cookies are off
   */
  header({ refresh_token, refresh_expires_in }: TokenResponse): string {
    return setCookieHeader(this.attributes(), refresh_token, refresh_expires_in);
  }

  /** Whether a request's token was read from this module's cookie. */
  areUsedBy(request: AuthRequest): boolean {
    return this.use.get(request) !== undefined;
  }

  /**
   * The token in a request's cookie; `undefined` where the request has no such cookie, or cookies are off.
   * @throws InvalidRequestError where the request has another token as well: two readers might see different tokens
   * @throws ForbiddenOriginError where the page that sent the cookie is not an allowed one
   */
  tokenIn(request: AuthRequest): string | undefined {
    const [token, ...others] = this.valuesIn(request);
    if (token === undefined) return undefined;
    // A header of another scheme is no token: a proxy in front of the application may ask for one.
    if (bearerCredentials(request) !== undefined || others.length > 0) {
      const got = others.length > 0 ? 'more than one such cookie' : 'it beside a bearer token';
      throw new InvalidRequestError(`${this.attributes().name}: got ${got}, takes one token a request.`);
    }
    if (!isFromAllowedPage(request, this.options.cookie?.origins ?? new Set())) {
      throw new ForbiddenOriginError(request.headers.origin);
    }
    if (!this.areUsedBy(request)) this.use.set(request, 'presented');
    return token;
  }

  /** Takes away a cookie that was refused, once: a guard and a filter may both ask for it. */
  clearRefused(request: AuthRequest, response: unknown): void {
    if (this.use.get(request) !== 'presented') return;
    this.use.set(request, 'taken away');
    this.clear(response);
  }

  private valuesIn({ headers }: AuthRequest): string[] {
    const { cookie } = this.options;
    return cookie ? cookieValues(headers.cookie, cookie.name) : [];
  }

  private attributes(): CookieAttributes {
    const { cookie } = this.options;
    if (!cookie) throw new ConfigurationError('cookie: got nothing, takes {} (or its options) to switch cookies on.');
    return cookie;
  }

  /** The header is added and not replaced: the host may set cookies of its own. */
  private append(response: unknown, header: string): void {
    this.adapterHost.httpAdapter.appendHeader(response, 'Set-Cookie', header);
  }
}
