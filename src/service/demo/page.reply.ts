import { HttpStatus, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** The types of files that a page is made of. */
export type PageType = 'text/html' | 'text/css' | 'text/javascript' | 'application/json' | 'image/svg+xml';

/** Everything from here, nothing inline; framed by nobody but us. */
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
  // What is edited is seen at the next load.
  'Cache-Control': 'no-store',
};

/** Writes pages, and what they are made of. */
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
    // Not the adapter's: each has a body of its own for it.
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Location', location);
    httpAdapter.reply(response, undefined, HttpStatus.PERMANENT_REDIRECT);
  }
}
