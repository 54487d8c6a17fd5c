export { browserStorage } from './browser-storage.js';
export { cookieStorage } from './cookie-storage.js';
export { RequestNotRepeatedError, SessionUnavailableError } from './errors.js';
export type { SessionEvents, SignedOutReason } from './event-hub.js';
export { createSession, type Session, type SessionOptions, type SignInTokens } from './session.js';
export { memoryStorage, type TokenStorage } from './token-storage.js';
