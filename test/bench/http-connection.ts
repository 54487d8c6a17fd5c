import { connect, type Socket } from 'node:net';

/** One HTTP/1.1 answer. */
export interface Answer {
  readonly status: number;
  /** All of it, head and body. */
  readonly text: string;
  /** Where the body begins. */
  readonly bodyAt: number;
}

/** What becomes of the requests of a connection. */
export interface Listener {
  answered(answer: Answer): void;
  /** The connection is of no use any more. */
  failed(reason: string): void;
}

const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;
const STATUS_AT = 'HTTP/1.1 '.length;

/** A keep-alive connection with one request on its way; it reads as much of HTTP as the servers under test speak. */
export class HttpConnection {
  private readonly socket: Socket;
  private received = '';

  constructor(
    port: number,
    private readonly listener: Listener,
  ) {
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      // One buffer for all that arrives: nothing is allocated a chunk.
      onread: { buffer: Buffer.allocUnsafe(16_384), callback: (size, buffer) => this.receive(size, buffer as Buffer) },
    });
    this.socket.once('error', (error) => listener.failed(`connection: ${error.message}`));
    this.socket.once('end', () => listener.failed('connection: closed by the server'));
  }

  /** Sends a whole request. The caller leaves the buffer alone until the answer. */
  send(request: Buffer): void {
    this.socket.write(request);
  }

  close(): void {
    this.socket.removeAllListeners('end').removeAllListeners('error');
    this.socket.on('error', () => undefined).destroy();
  }

  private receive(size: number, buffer: Buffer): boolean {
    this.received += buffer.toString('latin1', 0, size);
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return true;
    const text = this.received;
    const length = CONTENT_LENGTH.exec(text)?.[1];
    if (length === undefined) {
      this.listener.failed('an answer without Content-Length');
      return false;
    }
    const bodyAt = headEnd + 4;
    if (text.length < bodyAt + Number(length)) return true;
    this.received = '';
    this.listener.answered({ status: Number(text.slice(STATUS_AT, STATUS_AT + 3)), text, bodyAt });
    return true;
  }
}
