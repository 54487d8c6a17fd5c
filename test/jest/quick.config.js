import { common, settings } from './common.js';

// Read by the processes of the tests, and by the search for database servers.
Object.assign(process.env, { TEST_DATABASES: 'SQLite', TEST_CHROMIUM: '' });

/** What tells in about a minute whether a change is good: needs no build, no database server and no browser. */
export default {
  ...common,
  ...settings,
  displayName: 'Quick',
  roots: ['<rootDir>/src', '<rootDir>/test/endpoints'],
  testRegex: ['\\.(spec|e2e)\\.ts$'],
};
