import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** For how long an idle connection may still bring a request, in milliseconds. */
const IDLE_GRACE = 2_000;
/** After which every connection is cut, in milliseconds: a handler has 5 s to answer. */
const LAST_CALL = 8_000;

/**
 * Shut-down without a lost answer: new connections are refused at once; the open ones are answered as ever, with
 * `Connection: close`, so that each ends after its next answer. Node's own `close` would cut the idle ones, on which
 * a client may be sending just then.
 */
@Injectable()
export class Draining implements BeforeApplicationShutdown {
  private readonly unanswered = new Set<ServerResponse>();
  /** Connections on which nothing has come yet: Node doesn't count them among the idle ones. */
  private readonly silent = new Set<Socket>();
  private hasBegun = false;

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Whether the service is shutting down. */
  get isDraining(): boolean {
    return this.hasBegun;
  }

  /** Watches every request of the server; called once, before it listens. */
  watch(server: Server): void {
    server.prependListener('connection', (socket: Socket) => {
      this.silent.add(socket);
      socket.once('close', () => this.silent.delete(socket));
    });
    server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.silent.delete(socket);
      if (this.hasBegun) return closeAfter(response);
      this.unanswered.add(response);
      response.once('close', () => this.unanswered.delete(response));
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    const server = this.adapterHost.httpAdapter.getHttpServer() as Server;
    if (this.hasBegun || !server.listening) return;
    this.hasBegun = true;
    this.unanswered.forEach(closeAfter);

    const closed = new Promise<void>((resolve) => server.once('close', resolve));
    NetServer.prototype.close.call(server);
    const timers = [
      setTimeout(() => {
        server.closeIdleConnections();
        this.silent.forEach((socket) => socket.destroy());
      }, IDLE_GRACE),
      setTimeout(() => server.closeAllConnections(), LAST_CALL),
    ];
    await closed;
    timers.forEach(clearTimeout);
  }
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
