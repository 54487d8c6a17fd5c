import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** Writes answers that hold tokens. */
@Injectable()
export class AuthReply {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Answers with JSON that no cache may keep (RFC 6749 §5.1), or with nothing. */
  send(response: unknown, status: number, body?: object): void {
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
    httpAdapter.reply(response, body, status);
  }
}
