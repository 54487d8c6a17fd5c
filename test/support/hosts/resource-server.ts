import { createRemoteJWKSet, jwtVerify } from 'jose';
import { call } from '../http/http.js';
import { keyIdOf } from '../http/token-parts.js';

/** How often another verifier fetches the set, in milliseconds. */
const INTERVAL = 100;

/**
 * Somebody else's API, which verifies access tokens offline: with `jose`, which keeps the key set for as long as its
 * Cache-Control allows, and asks again for an unknown key only every 30 s. Beside it stand others that have fetched
 * the set at other times.
 */
export class ResourceServer {
  /** Why tokens were not accepted. */
  readonly refusals: string[] = [];
  /** The keys that accepted tokens were signed with, in the order of their first ones. */
  readonly keyIds = new Set<string | undefined>();
  private readonly keySet: ReturnType<typeof createRemoteJWKSet>;
  private others: ReturnType<typeof createRemoteJWKSet>[] = [];
  private readonly timer: NodeJS.Timeout;

  private constructor(
    private readonly urls: readonly URL[],
    private readonly issuer: string,
    private readonly cacheMaxAge: number,
  ) {
    this.keySet = createRemoteJWKSet(urls[0] as URL, { cacheMaxAge });
    this.timer = setInterval(() => void this.fetchAgain().catch(() => undefined), INTERVAL);
  }

  /** The API of a service, of which there may be several instances. */
  static async of(instances: readonly string[], issuer: string): Promise<ResourceServer> {
    const urls = instances.map((instance) => new URL('/.well-known/jwks.json', instance));
    const { headers } = await call(String(urls[0]), { method: 'GET' });
    const [, seconds] = /^public, max-age=(\d+)$/.exec(String(headers['cache-control'])) ?? [];
    return new ResourceServer(urls, issuer, Number(seconds) * 1_000);
  }

  async verify(accessToken: string): Promise<void> {
    const options = { issuer: this.issuer, audience: this.issuer, typ: 'at+jwt', algorithms: ['ES256'] };
    const keyId = keyIdOf(accessToken);
    this.others = this.others.filter(({ fresh }) => fresh);
    for (const other of this.others) {
      if (!other.jwks()?.keys.some(({ kid }) => kid === keyId)) this.refusals.push(`a verifier does not know ${keyId}`);
    }
    try {
      await jwtVerify(accessToken, this.keySet, options);
      this.keyIds.add(keyId);
    } catch (error) {
      this.refusals.push(String(error));
    }
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async fetchAgain(): Promise<void> {
    const others = this.urls.map((url) => createRemoteJWKSet(url, { cacheMaxAge: this.cacheMaxAge }));
    await Promise.all(others.map((other) => other.reload()));
    this.others.push(...others);
  }
}
