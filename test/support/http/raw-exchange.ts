import { once } from 'node:events';
import { connect } from 'node:net';

/** An answer as it came, but for its date and the order of its headers. */
export interface RawAnswer {
  readonly statusLine: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** Writes bytes on a connection of its own, and reads until the other side closes it: all that was answered. */
export async function exchange(url: string, bytes: string): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const received: Buffer[] = [];
  // It may be closed before everything is written.
  socket.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => undefined);
  socket.write(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
  return answersIn(Buffer.concat(received).toString());
}

function answersIn(text: string): RawAnswer[] {
  if (text === '') return [];
  const headEnd = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const headers = lines.filter((line) => !line.startsWith('Date: ')).map((line) => line.replace(/^[^:]*/, lowerCased));
  const rest = text.slice(headEnd + 4);
  const isInterim = statusLine.startsWith('HTTP/1.1 1');
  const answer = { statusLine, headers: headers.toSorted(), body: isInterim ? '' : rest };
  return isInterim ? [answer, ...answersIn(rest)] : [answer];
}

function lowerCased(name: string): string {
  return name.toLowerCase();
}
