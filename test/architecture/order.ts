/**
 * The rooms of `src` from top to bottom: a room imports from those below it only. What each is for stands in
 * `src/auth/README.md` and `src/service/README.md`.
 */
export const ORDER: readonly string[] = [
  // The service
  'main',
  'service/run',
  'service/first-steps',
  'service/service.module',
  'service/demo',
  'service/docs',
  'service/cli',
  'service/failure-reason',
  'service/endpoints',
  'service/http',
  'service/service.config',
  'service/injection-tokens',
  'service/data-folder',
  'service/config',
  'service/database',
  'service/logger',
  // The package
  'testing',
  'index',
  'migrations',
  // The module
  'auth/auth.module',
  'auth/module',
  // HTTP
  'auth/endpoints',
  'auth/guards',
  'auth/http',
  // Tokens
  'auth/refresh-token',
  'auth/access-token',
  // Sessions
  'auth/session',
  // Keys in use, options, the rule
  'auth/key-ring',
  'auth/options',
  'auth/rotation',
  // Ground
  'auth/keys',
  'auth/database',
  'auth/runtime',
  'auth/injection-tokens',
  'auth/auth.errors',
  'auth/formats',
  // The client library knows the wire only.
  'client',
];

/** Who may reach into a room's inner folders: what wires all rooms, and what the package exports of them. */
export const MAY_REACH_INSIDE: readonly string[] = ['auth/module', 'index'];
