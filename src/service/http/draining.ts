import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { TIME_BUDGET } from '../../auth/runtime/time-budget.js';

/**
 * Shuts the server down without losing an answer. New connections are refused at once. Requests on open connections are
 * answered with `Connection: close`, so each connection ends after its next answer. Node's own `close` would cut idle
 * connections at once, even while a client is sending a request on one.
 */
@Injectable()
export class Draining implements BeforeApplicationShutdown {
  private readonly unanswered = new Set<ServerResponse>();
  /** Connections without a request so far: `closeIdleConnections` leaves them open. */
  private readonly silent = new Set<Socket>();
  private hasBegun = false;

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Whether the service is shutting down. */
  get isDraining(): boolean {
    return this.hasBegun;
  }

  /** Keeps track of the server's connections and answers. To be called once, before the server listens. */
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
