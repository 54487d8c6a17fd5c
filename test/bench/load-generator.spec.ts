import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LoadGenerator } from './load-generator.js';
import type { LoadResult } from './load.js';

const SESSIONS = 12;
const CONNECTIONS = 4;

/** A token of the right length: session and number. */
function tokenOf(session: number, number: number): string {
  return `rt_${String(session).padStart(20, '0')}${String(number).padStart(40, '0')}`;
}

function partsOf(token = ''): { session: number; number: number } {
  return { session: Number(token.slice(3, 23)), number: Number(token.slice(23)) };
}

/** A server of refreshes that remembers which token each session has to present. */
class RotatingServer {
  readonly numbers = Array.from({ length: SESSIONS }, () => 0);
  /** Requests for a session that was being answered, or with another token than the last. */
  surprises = 0;
  answered = 0;
  private readonly busy = new Set<number>();

  constructor(private readonly answer: (response: ServerResponse, token: string, count: number) => void = answerWith) {}

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { session, number } = partsOf(request.headers.authorization?.replace('Bearer ', ''));
    if (this.busy.has(session) || this.numbers[session] !== number) this.surprises += 1;
    this.busy.add(session);
    setImmediate(() => {
      this.busy.delete(session);
      this.numbers[session] = number + 1;
      this.answered += 1;
      this.answer(response, tokenOf(session, number + 1), this.answered);
    });
  };
}

function bodyWith(token: string): string {
  return JSON.stringify({ access_token: 'a.b.c', expires_in: 3_600, refresh_token: token });
}

function answerWith(response: ServerResponse, token: string): void {
  const body = bodyWith(token);
  response.writeHead(200, { 'content-length': body.length }).end(body);
}

describe('LoadGenerator', () => {
  let folder: string;
  let server: Server | undefined;
  let generator: LoadGenerator;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'refresh-token-'));
    const file = join(folder, 'tokens');
    await writeFile(file, Array.from({ length: SESSIONS + 5 }, (_, session) => tokenOf(session, 0)).join(''));
    generator = new LoadGenerator();
    await generator.readPool({ name: 'pool', file, count: SESSIONS });
  });

  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    await rm(folder, { recursive: true });
  });

  async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
    const listening = createServer(handle);
    server = listening;
    await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done));
    return (listening.address() as AddressInfo).port;
  }

  async function load(
    handle: (request: IncomingMessage, response: ServerResponse) => void,
    { pool = 'pool' as string | null, mustRotate = true } = {},
  ): Promise<LoadResult> {
    const order = { pool, mustRotate, pid: process.pid, connections: CONNECTIONS, warmUp: 0.05, seconds: 0.2 };
    return generator.load({ ...order, port: await listen(handle) });
  }

  it('presents the last token of a session, and never refreshes one twice at once', async () => {
    const rotating = new RotatingServer();
    const result = await load(rotating.handle);
    expect({ surprises: rotating.surprises, failures: result.failures }).toEqual({ surprises: 0, failures: {} });
    expect(Math.max(...rotating.numbers)).toBeGreaterThan(1);
  });

  it('goes on with the last tokens in the next load', async () => {
    const rotating = new RotatingServer();
    await load(rotating.handle);
    server?.closeAllConnections();
    server?.close();
    await load(rotating.handle);
    expect(rotating.surprises).toBe(0);
  });

  it('counts what was answered in the time that is measured, and not in the warm-up', async () => {
    const rotating = new RotatingServer();
    const result = await load(rotating.handle);
    expect(result.answers).toBeGreaterThan(0);
    expect(result.answers).toBeLessThan(rotating.answered);
    expect(result).toMatchObject({ rotated: result.answers });
    expect(result.seconds).toBeGreaterThan(0.19);
    expect(result.p99).toBeGreaterThanOrEqual(result.p50);
  });

  it('reads answers that come in pieces', async () => {
    const inPieces = new RotatingServer((response, token) => {
      const body = bodyWith(token);
      response.writeHead(200, { 'Content-Length': body.length }).write(body.slice(0, 40));
      setImmediate(() => response.end(body.slice(40)));
    });
    const result = await load(inPieces.handle);
    expect({ failures: result.failures, surprises: inPieces.surprises }).toEqual({ failures: {}, surprises: 0 });
    expect(result.answers).toBeGreaterThan(0);
  });

  it('takes an empty handler for what it is', async () => {
    const result = await load((_request, response) => response.writeHead(200, { 'content-length': 2 }).end('{}'), {
      pool: null,
      mustRotate: false,
    });
    expect(result).toMatchObject({ failures: {}, rotated: 0 });
    expect(result.answers).toBeGreaterThan(0);
  });

  it('counts each answer that is wrong, by its reason', async () => {
    const spoilt = new RotatingServer((response, token, count) => {
      if (count === 5) response.writeHead(503, { 'content-length': 4 }).end('busy');
      else if (count === 6) response.writeHead(200, { 'content-length': 2 }).end('{}');
      else answerWith(response, token);
    });
    const { failures } = await load(spoilt.handle);
    expect(failures).toEqual({ 'status 503: busy': 1, 'status 200 without its two tokens': 1 });
  });

  it('takes the same token again for wrong where each refresh has to rotate, and only there', async () => {
    const same = (request: IncomingMessage, response: ServerResponse) =>
      answerWith(response, String(request.headers.authorization).replace('Bearer ', ''));
    const strict = await load(same);
    expect(strict).toMatchObject({ answers: 0, failures: { 'the same token again': expect.any(Number) } });
    server?.closeAllConnections();
    server?.close();
    expect(await load(same, { mustRotate: false })).toMatchObject({ rotated: 0, failures: {} });
  });

  it('ends with a reason where the server goes away', async () => {
    const { failures } = await load((request) => request.socket.destroy());
    expect(Object.keys(failures).every((reason) => reason.startsWith('connection'))).toBe(true);
    expect(Object.values(failures).reduce((sum, count) => sum + count, 0)).toBe(CONNECTIONS);
  });

  it('refreshes each session exactly as often as asked for', async () => {
    const rotating = new RotatingServer();
    const port = await listen(rotating.handle);
    await generator.repeat({ port, pool: 'pool', connections: CONNECTIONS, times: 7 });
    expect(rotating.numbers).toEqual(Array.from({ length: SESSIONS }, () => 7));
    expect(rotating.surprises).toBe(0);
  });

  it('fails where one of those is not answered as it has to be', async () => {
    const port = await listen((_request, response) => response.writeHead(500, { 'content-length': 0 }).end());
    const repeated = generator.repeat({ port, pool: 'pool', connections: CONNECTIONS, times: 1 });
    await expect(repeated).rejects.toThrow(`${SESSIONS} times: status 500`);
  });

  it('refuses a file that has fewer tokens', async () => {
    const tooMany = generator.readPool({ name: 'more', file: join(folder, 'tokens'), count: SESSIONS + 6 });
    await expect(tooMany).rejects.toThrow('takes');
  });
});
