import { HttpConnection, type Answer, type Listener } from './http-connection.js';
import { TOKEN_LENGTH, type TokenPool } from './token-pool.js';

/** What several loops have in common. */
export interface Course {
  readonly port: number;
  /** Whose tokens are presented; without one the handler is an empty one. */
  readonly pool: TokenPool | undefined;
  readonly mustRotate: boolean;
  /** The session to refresh next; `undefined` ends the loop. */
  next(): number | undefined;
  /** A good answer. @param latency milliseconds */
  answered(latency: number, isRotated: boolean): void;
  failed(reason: string): void;
}

const HEAD = 'POST /refresh_token HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ';
const TAIL = '\r\nContent-Length: 0\r\n\r\n';
const TOKEN_KEY = '"refresh_token":"';

/** One connection that refreshes one session after the other, each as soon as the answer before has come. */
export class RefreshLoop implements Listener {
  /** Settles once the loop has ended. */
  readonly ended: Promise<void>;
  private readonly request = Buffer.from(HEAD + 'x'.repeat(TOKEN_LENGTH) + TAIL, 'latin1');
  private readonly connection: HttpConnection;
  private end!: () => void;
  private session = 0;
  private sentAt = 0;

  constructor(private readonly course: Course) {
    this.ended = new Promise((end) => (this.end = end));
    this.connection = new HttpConnection(course.port, this);
  }

  /** Sends the next request, or ends. */
  proceed(): void {
    const session = this.course.next();
    if (session === undefined) {
      this.finish();
      return;
    }
    this.session = session;
    this.course.pool?.copyTo(session, this.request, HEAD.length);
    this.sentAt = performance.now();
    this.connection.send(this.request);
  }

  answered(answer: Answer): void {
    const latency = performance.now() - this.sentAt;
    this.check(answer, latency);
    this.course.pool?.giveBack(this.session);
    this.proceed();
  }

  failed(reason: string): void {
    this.course.failed(reason);
    this.finish();
  }

  private check({ status, text, bodyAt }: Answer, latency: number): void {
    const { pool, mustRotate } = this.course;
    if (status !== 200) {
      this.course.failed(`status ${status}: ${text.slice(bodyAt, bodyAt + 200)}`);
      return;
    }
    if (!pool) {
      this.course.answered(latency, false);
      return;
    }
    const tokenAt = text.indexOf(TOKEN_KEY, bodyAt) + TOKEN_KEY.length;
    const tokenEnd = tokenAt + TOKEN_LENGTH;
    if (tokenAt < bodyAt + TOKEN_KEY.length || text[tokenEnd] !== '"' || !text.includes('"access_token":"', bodyAt)) {
      this.course.failed('status 200 without its two tokens');
      return;
    }
    const isRotated = pool.keep(this.session, text.slice(tokenAt, tokenEnd));
    if (mustRotate && !isRotated) this.course.failed('the same token again');
    else this.course.answered(latency, isRotated);
  }

  private finish(): void {
    this.connection.close();
    this.end();
  }
}
