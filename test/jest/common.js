import { resolve } from 'node:path';

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
