import { common } from './common.js';

/** Suites that say the same on either adapter, and why. */
const LEFT_OUT = {
  'No server of Nest is in them': [
    'client-cookie-storage',
    'client-fetch',
    'client-outages',
    'client-package',
    'client-refresh',
    'client-sign-out',
    'client-storage',
    'command-line',
    'key-commands',
    'ormconfig',
    'package',
    'readme',
    'readme-commands',
    'store-and-rule',
  ],
  'They are about the database: below the service, which knows no HTTP': [
    'bursts',
    'connection-lost-at-once',
    'crash',
    'database-conflicts',
    'database-faults',
    'durability',
    'failover-postgres',
    'galera',
    'many-instances',
    'migrations',
    'mariadb-faults',
    'mariadb-races',
    'refreshes-together',
    'session-purge',
    'start-together',
    'statement-count',
    'storage-growth',
    'subjects-byte-for-byte',
    'unfit-server',
  ],
  'They are about secrets and keys, and what stops a start: before there is a server': [
    'key-file-watcher',
    'key-rotation',
    'refused-start',
    'replay-endings',
    'secrets',
    'signing-key-boot-check',
  ],
  "The client library knows the wire only: cookie-browser has that of a browser's cookies, demo-wire the demo's": [
    'client-browser-endings',
    'client-browser-frozen',
    'client-browser-outages',
    'client-browser-races',
    'client-browser-requests',
    'client-browser-restarts',
    'client-browser-tabs',
    'cookie-client',
    'demo',
  ],
  'It compares both adapters by itself': ['http-adapters'],
};

/** What may depend on the adapter, on Fastify. The database is another matter: SQLite alone. */
export default {
  ...common,
  displayName: 'Fastify',
  testRegex: ['\\.e2e\\.ts$'],
  testPathIgnorePatterns: Object.values(LEFT_OUT)
    .flat()
    .map((name) => `<rootDir>/test/${name}\\.e2e\\.ts$`),
  setupFiles: ['<rootDir>/test/jest/fastify.setup.ts', ...common.setupFiles],
};
