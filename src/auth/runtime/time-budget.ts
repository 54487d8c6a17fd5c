/**
 * How long each thing may take, in milliseconds. One wait stands inside another, so the order of the figures is what
 * counts; `time-budget.spec.ts` holds it. A client gives up after 8 s: what is answered later is lost.
 */
export const TIME_BUDGET = {
  /** A guard or a handler: then the answer is 503, whatever comes of the work. */
  handler: 5_000,
  /** A host's policy or its resolver of old tokens, unless the option says otherwise, and at most. */
  policy: 2_000,
  longestPolicy: 4_000,
  /** A check of readiness. */
  readinessCheck: 2_000,

  /** How long SQLite's write lock may be another's. */
  lockedDatabase: 4_000,
  /** A connection from a pool, and a statement on a server, whatever limits the host's pool has. */
  connection: 3_500,
  statement: 4_000,
  /** The service's own pools: a new connection; a statement, as the server counts, and as the driver does. */
  newConnection: 3_000,
  lockWait: 3_000,
  serverStatement: 3_500,
  driverStatement: 4_000,

  /** How long a start outlasts a server that restarts, and the service's start a server that isn't there yet. */
  lostServer: 20_000,
  absentServer: 30_000,
  /** How long a start waits for another instance's migrations, and for one answer of MariaDB's lock meanwhile. */
  migrationLock: 20_000,
  migrationLockAnswer: 2_000,
  /** How long a command waits for another one that changes the same keys. */
  keysLock: 5_000,

  /** At a shut-down: how long an idle connection may still bring a request, and when every connection is cut. */
  idleGrace: 2_000,
  lastCall: 8_000,
  /** HTTP: a request's head, all of a request, and an idle connection. */
  requestHead: 10_000,
  request: 15_000,
  keepAlive: 65_000,
} as const;
