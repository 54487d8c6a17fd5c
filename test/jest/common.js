import { resolve } from 'node:path';
import { measuredFactor } from './time-factor.js';

process.env.TEST_TIME_FACTOR ??= measuredFactor().toFixed(1);

/** What stands in the configuration of a whole run, beside its projects. */
export const settings = {
  // Milliseconds, as `limit` of test/support/time.ts; the longest timer of Node bounds them.
  testTimeout: Math.min(2 ** 31 - 1, Math.round(60_000 * Number(process.env.TEST_TIME_FACTOR))),
  maxWorkers: 3,
};

/** What the projects share: TypeScript through swc, as ES modules. */
export const common = {
  rootDir: resolve(import.meta.dirname, '../..'),
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nest-refresh-token$': '<rootDir>/src/index.ts',
    '^nest-refresh-token/client$': '<rootDir>/src/client/index.ts',
    '^nest-refresh-token/testing$': '<rootDir>/src/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/test/fixtures/.*/dist/'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  setupFiles: ['<rootDir>/test/support/setup.ts'],
};
