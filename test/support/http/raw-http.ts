import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Answer } from './http.js';

/** One connection on which a test writes the bytes itself, one request after the other. */
export class RawConnection {
  private received = Buffer.alloc(0);

  private constructor(
    private readonly socket: Socket,
    private readonly host: string,
  ) {
    socket.on('data', (chunk: Buffer) => (this.received = Buffer.concat([this.received, chunk])));
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, host, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return new RawConnection(socket, host);
  }

  /** Writes a request and reads its answer, which must have a Content-Length. */
  async post(path: string, headers: readonly string[], body = ''): Promise<Answer> {
    const lines = [`POST ${path} HTTP/1.1`, `Host: ${this.host}`, ...headers, '', body];
    this.socket.write(lines.join('\r\n'));
    for (;;) {
      const answer = this.takeAnswer();
      if (answer) return answer;
      await once(this.socket, 'data');
    }
  }

  /** What was received that belongs to no answer read so far. */
  get unread(): string {
    return this.received.toString();
  }

  close(): void {
    this.socket.destroy();
  }

  private takeAnswer(): Answer | undefined {
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return undefined;
    const [statusLine = '', ...lines] = this.received.subarray(0, headEnd).toString().split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const bodyEnd = headEnd + 4 + Number(headers['content-length']);
    if (this.received.length < bodyEnd) return undefined;
    const text = this.received.subarray(headEnd + 4, bodyEnd).toString();
    this.received = this.received.subarray(bodyEnd);
    return { status: Number(statusLine.split(' ')[1]), headers, text };
  }
}

/** One request with its header lines exactly as given, over a connection of its own. */
export async function postRaw(url: string, headers: readonly string[], body = ''): Promise<Answer> {
  const { origin, pathname, search } = new URL(url);
  const connection = await RawConnection.open(origin);
  try {
    return await connection.post(pathname + search, headers, body);
  } finally {
    connection.close();
  }
}
