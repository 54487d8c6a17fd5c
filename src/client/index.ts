export { browserStorage } from './storage/browser.js';
export { cookieStorage } from './storage/cookie.js';
export { RequestNotRepeatedError, SessionUnavailableError } from './errors.js';
export type { SessionEvents, SignedOutReason } from './event-hub.js';
export { createSession, type Session, type SessionOptions, type SignInTokens } from './session.js';
export { memoryStorage } from './storage/memory.js';
export type { TokenStorage } from './storage/storage.js';
