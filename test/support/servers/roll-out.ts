import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { createDatabase, type DatabaseName, type TestDatabase } from '../databases/databases.js';
import { call, json, refresh, signIn } from '../http/http.js';
import { keyIdOf, secretIdOf } from '../http/token-parts.js';
import { TestClock } from '../test-clock.js';
import { ISSUER, startService, type TestService } from './service.js';

type Tokens = { readonly access_token: string; readonly refresh_token: string };

/** Somebody else's API: it keeps the JWK set until its max-age has passed, and never asks before. */
interface Verifier {
  readonly keySet: ReturnType<typeof createLocalJWKSet>;
  readonly keepsUntil: number;
}

/** How many sessions refresh all the time, and how many access tokens are shown again and again. */
const SESSIONS = 3;
const HELD = 8;

/**
 * Two instances of the service on one database and one clock, replaced one by one, while clients refresh at both and
 * verifiers, which fetched the keys from either at different times, check every access token.
 */
export class RollOut {
  readonly clock = new TestClock();
  /** Everything that went wrong for a client or a verifier. */
  readonly refusals: string[] = [];
  /** The keys and the secrets that tokens were made with since they were last asked for. */
  private used = new Set<string>();
  private instances: TestService[] = [];
  private sessions: string[] = [];
  private verifiers: Verifier[] = [];
  private held: string[] = [];
  private rounds = 0;

  private constructor(readonly database: TestDatabase) {}

  static async on(name: DatabaseName): Promise<RollOut> {
    return new RollOut(await createDatabase(name));
  }

  /** Starts both instances, and some sessions. */
  async begin(env: Record<string, string>): Promise<void> {
    this.instances = [await this.start(env), await this.start(env)];
    const tokens = await Promise.all(Array.from({ length: SESSIONS }, (_, at) => signIn(this.urlOf(at))));
    this.sessions = tokens.map(({ refresh_token }) => refresh_token);
  }

  start(env: Record<string, string>): Promise<TestService> {
    return startService(this.database.url, { env, clock: this.clock });
  }

  instance(at: number): TestService {
    return this.instances[at] as TestService;
  }

  /** Puts a new instance in the place of one, as an orchestrator does: the new one is there before the old one goes. */
  async replace(at: number, env: Record<string, string>): Promise<void> {
    const next = await this.start(env);
    const before = this.instance(at);
    this.instances[at] = next;
    await before.close();
  }

  /** Turns the clock on, and has all clients and verifiers at work after each step. */
  async pass(...steps: number[]): Promise<void> {
    for (const step of steps) {
      this.clock.advance(step);
      await this.work();
    }
  }

  /** What tokens were made with since this was last asked: ids of keys, and first bytes of fingerprints in hex. */
  usedKeys(): string[] {
    const used = [...this.used].toSorted();
    this.used = new Set();
    return used;
  }

  async end(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.close()));
    await this.database.drop();
  }

  private async work(): Promise<void> {
    this.rounds += 1;
    const now = this.clock.now();
    this.verifiers = this.verifiers.filter(({ keepsUntil }) => now < keepsUntil);
    // Some fetch before the tokens of this round are made, from each of the instances.
    for (const at of [0, 1]) this.verifiers.push(await this.fetchKeys(at));
    for (const at of [0, 1]) {
      const session = await signIn(this.urlOf(at));
      await this.check(session);
      const successor = await this.refreshAt(at + 1, session.refresh_token);
      if (successor) await this.refreshAt(at, successor.refresh_token);
    }
    for (const [at, token] of this.sessions.entries()) {
      const answer = await this.refreshAt(at + this.rounds, token);
      if (answer) this.sessions[at] = answer.refresh_token;
    }
    for (const token of this.held) await this.verify(token);
  }

  private async refreshAt(at: number, token: string): Promise<Tokens | undefined> {
    const answer = await refresh(this.urlOf(at), token);
    if (answer.status !== 200) {
      this.refusals.push(`instance ${at % 2} answered ${answer.status} to a client`);
      return undefined;
    }
    const tokens = json<Tokens>(answer);
    await this.check(tokens);
    return tokens;
  }

  private async check({ access_token, refresh_token }: Tokens): Promise<void> {
    this.used.add(String(keyIdOf(access_token)));
    this.used.add(secretIdOf(refresh_token));
    this.held = [access_token, ...this.held].slice(0, HELD);
    await this.verify(access_token);
  }

  private async verify(token: string): Promise<void> {
    const options = { issuer: ISSUER, typ: 'at+jwt', currentDate: new Date(this.clock.now()) };
    for (const { keySet } of this.verifiers) {
      await jwtVerify(token, keySet, options).catch(({ code }: { code: string }) => {
        // A token of some steps ago may have expired: that is no refusal of its key.
        if (code !== 'ERR_JWT_EXPIRED') this.refusals.push(`a verifier refused a token of ${keyIdOf(token)}: ${code}`);
      });
    }
  }

  private async fetchKeys(at: number): Promise<Verifier> {
    const answer = await call(`${this.urlOf(at)}/.well-known/jwks.json`, { method: 'GET' });
    const [, seconds] = /^public, max-age=(\d+)$/.exec(String(answer.headers['cache-control'])) ?? [];
    const keepsUntil = this.clock.now() + Number(seconds) * 1_000;
    return { keySet: createLocalJWKSet(json<JSONWebKeySet>(answer)), keepsUntil };
  }

  private urlOf(at: number): string {
    return this.instance(at % 2).url;
  }
}
