import { HttpStatus, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** The types of the demo's files. */
export type PageType = 'text/html' | 'text/css' | 'text/javascript' | 'application/json' | 'image/svg+xml';

/** The pages load from this service only and have no inline code; only this service's pages may frame them. */
const POLICY = [
  "default-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
];

const HEADERS = {
  'Content-Security-Policy': POLICY.join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // A developer who edits a file sees the change at the next load.
  'Cache-Control': 'no-store',
};

/** Answers with a file of the demo, or with a redirect. */
@Injectable()
export class PageReply {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  send(response: unknown, type: PageType, text: string): void {
    const { httpAdapter } = this.adapterHost;
    for (const [name, value] of Object.entries(HEADERS)) httpAdapter.setHeader(response, name, value);
    httpAdapter.setHeader(response, 'Content-Type', `${type}; charset=utf-8`);
    httpAdapter.reply(response, text, HttpStatus.OK);
  }

  redirect(response: unknown, location: string): void {
    // The adapters' own `redirect` isn't used: Express and Fastify send different bodies.
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Location', location);
    httpAdapter.reply(response, undefined, HttpStatus.PERMANENT_REDIRECT);
  }
}
