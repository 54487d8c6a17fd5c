import { common, settings } from './common.js';

// Read by the processes of the tests, and by the search for database servers.
process.env.TEST_DATABASES = 'SQLite';

/** What tells within a minute whether a change is good: needs no build, no database server and no browser. */
export default {
  ...common,
  ...settings,
  displayName: 'Quick',
  roots: ['<rootDir>/src', '<rootDir>/test/endpoints', '<rootDir>/test/rule'],
  testRegex: ['\\.(spec|e2e)\\.ts$'],
};
