/** Where a request's facts are kept: on the request itself, under symbols that nothing a client sends can spell. */
interface Carrier<T> {
  [key: symbol]: T | undefined;
}

/**
 * One fact about a request that a guard learns and that handlers, filters and decorators ask for. Each key is a place
 * of its own, so two modules of one application, with a key each, don't see each other's facts.
 *
 * The request is what `getRequest` of the guard returns: Express's or Fastify's own object, a GraphQL context's `req`,
 * the handshake of a socket (there a fact stays for the connection).
 * @example
 * const caller = new RequestContextKey<SessionCaller>('caller');
 * caller.set(request, BACKEND);
 * caller.get(request);
 */
export class RequestContextKey<T> {
  private readonly key: symbol;

  constructor(name: string) {
    this.key = Symbol(`nest-refresh-token:${name}`);
  }

  set(request: object, fact: T): void {
    (request as Carrier<T>)[this.key] = fact;
  }

  /** The fact, or `undefined` where no guard has left one. */
  get(request: object): T | undefined {
    return (request as Carrier<T>)[this.key];
  }
}
