import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { TIME_BUDGET } from '../../auth/runtime/time-budget.js';

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
      }, TIME_BUDGET.idleGrace),
      setTimeout(() => server.closeAllConnections(), TIME_BUDGET.lastCall),
    ];
    await closed;
    timers.forEach(clearTimeout);
  }
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
