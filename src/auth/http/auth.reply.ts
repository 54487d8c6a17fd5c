import { ServerResponse } from 'node:http';
import { HttpStatus, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { AuthRequest } from './auth.request.js';
import { RefreshTokenCookies } from './refresh-token.cookies.js';
import type { TokenResponse } from '../refresh-token/token-response.js';

/** Writes answers that hold tokens. */
@Injectable()
export class AuthReply {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly cookies: RefreshTokenCookies,
  ) {}

  /** Answers with a body as JSON, or with an empty one. No cache may keep the answer (RFC 6749 §5.1). */
  send(response: unknown, status: number, body?: object): void {
    if (response instanceof ServerResponse && body) return sendJson(response, status, body);
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
    httpAdapter.reply(response, body, status);
  }

  /** Answers an OAuth client. `Pragma` tells caches of HTTP/1.0 not to keep the answer either (RFC 6749 §5.1). */
  oauthTokens(response: unknown, tokens: TokenResponse): void {
    this.adapterHost.httpAdapter.setHeader(response, 'Pragma', 'no-cache');
    this.send(response, HttpStatus.OK, tokens);
  }

  /** Answers a refresh: a token from the header is answered in the body, a token from the cookie in the cookie only. */
  tokens(request: AuthRequest, response: unknown, tokens: TokenResponse): void {
    const body = this.cookies.areUsedBy(request) ? this.cookies.set(response, tokens) : tokens;
    this.send(response, HttpStatus.OK, body);
  }

  /** Answers a logout with 204, and takes the browser's cookie away where the token came in it. */
  signedOut(request: AuthRequest, response: unknown): void {
    if (this.cookies.areUsedBy(request)) this.cookies.clear(response);
    this.send(response, HttpStatus.NO_CONTENT);
  }
}

/** The answer that Express's `json` would send. Express needs a twentieth of a refresh to find its headers. */
function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.statusCode = status;
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}
