import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** What Node couldn't read as a request, and what it is answered; anything else is a bad request. */
const STATUS: ReadonlyMap<string | undefined, number> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['HPE_HEADER_OVERFLOW', 431],
]);

const BODY = JSON.stringify({ error: 'invalid_request' });

/** Answers what came on a connection and is no request, and ends the connection. */
export function answerClientError({ code }: NodeJS.ErrnoException, socket: Duplex): void {
  // An answer that is half-way out must not be continued with another one.
  if (socket.writable && socket.writableLength === 0) {
    const status = STATUS.get(code) ?? 400;
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Cache-Control: no-store',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${BODY.length}`,
      'Connection: close',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${BODY}`);
  }
  socket.destroy();
}
