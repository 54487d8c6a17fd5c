import { common } from './common.js';

/** The folders whose suites may depend on the adapter. The others say the same on either, or start no server of Nest. */
const FOLDERS = ['endpoints', 'host', 'service', 'sessions'];

/** What may depend on the adapter, on Fastify. The database is another matter: SQLite alone. */
export default {
  ...common,
  displayName: 'Fastify',
  roots: FOLDERS.map((name) => `<rootDir>/test/${name}`),
  testRegex: ['\\.e2e\\.ts$'],
  setupFiles: ['<rootDir>/test/jest/fastify.setup.ts', ...common.setupFiles],
};
