import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** The status for each code of Node's errors about unreadable requests. Any other code is answered 400. */
const STATUS: ReadonlyMap<string | undefined, number> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['HPE_HEADER_OVERFLOW', 431],
]);

const BODY = JSON.stringify({ error: 'invalid_request' });

/** Answers bytes that Node couldn't read as a request, and ends the connection. */
export function answerClientError({ code }: NodeJS.ErrnoException, socket: Duplex): void {
  // A second answer must not follow the first bytes of another one.
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
