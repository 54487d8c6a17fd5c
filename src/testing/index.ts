export { inMemoryDatabase, type InMemoryDatabaseOptions } from './in-memory-database.js';
export { signIn, type SignedIn, type SignInOptions } from './sign-in.js';
export { TestClock } from './test-clock.js';
export { testingOptions, type TestingOverrides } from './testing-options.js';
