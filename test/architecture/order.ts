/** A layer of rooms. */
export interface Band {
  readonly name: string;
  /** From top to bottom. */
  readonly rooms: readonly string[];
}

/**
 * The rooms of `src` from top to bottom: a room imports from those below it only, in its own band too. What each room
 * is for stands in `src/auth/README.md` and `src/service/README.md`.
 */
export const BANDS: readonly Band[] = [
  {
    name: 'The service',
    rooms: [
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
    ],
  },
  { name: 'The package', rooms: ['testing', 'index', 'migrations'] },
  { name: 'The module', rooms: ['auth/auth.module', 'auth/module'] },
  { name: 'HTTP', rooms: ['auth/endpoints', 'auth/guards', 'auth/http'] },
  { name: 'Tokens', rooms: ['auth/refresh-token', 'auth/access-token'] },
  { name: 'Sessions', rooms: ['auth/session'] },
  { name: 'Keys in use, options, the rule', rooms: ['auth/key-ring', 'auth/options', 'auth/rotation'] },
  {
    name: 'Ground',
    rooms: ['auth/keys', 'auth/database', 'auth/runtime', 'auth/injection-tokens', 'auth/auth.errors', 'auth/formats'],
  },
  // It knows the wire only.
  { name: 'The client library', rooms: ['client'] },
];

/** Every room, from top to bottom. */
export const ORDER: readonly string[] = BANDS.flatMap(({ rooms }) => rooms);

/** Who may reach into a room's inner folders: what wires all rooms, and what the package exports of them. */
export const MAY_REACH_INSIDE: readonly string[] = ['auth/module', 'index'];
