import { common, settings } from './common.js';

/** Every suite: on Express with every database, and on Fastify what may depend on the adapter. */
export default {
  ...settings,
  rootDir: common.rootDir,
  projects: ['<rootDir>/test/jest/express.config.js', '<rootDir>/test/jest/fastify.config.js'],
};
