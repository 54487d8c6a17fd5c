import type { Provider } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { AccessTokenIssuer } from '../access-token/access-token.issuer.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { SigningKeyRegistry } from '../key-ring/signing-key.registry.js';
import { AuthErrorFilter, AuthExceptionFilter } from '../http/auth.exception-filter.js';
import { AuthReply } from '../http/auth.reply.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';
import { Clock, SystemClock } from '../runtime/clock.js';
import { RefreshTokenCookies } from '../http/refresh-token.cookies.js';
import { Database } from '../database/database.js';
import { ErrorHeaders } from '../http/error-headers.js';
import { KeyRing } from '../key-ring/key-ring.js';
import { ModuleIsolation } from './module-isolation.js';
import { TokenIntrospector } from '../endpoints/oauth/token.introspector.js';
import { RandomSource, SystemRandomSource } from '../runtime/random.js';
import { RefreshTokenCodec } from '../refresh-token/refresh-token.codec.js';
import { RefreshTokenReader } from '../refresh-token/refresh-token.reader.js';
import { LegacyTokenAdopter } from '../refresh-token/legacy/legacy-token.adopter.js';
import { RefreshTokenService } from '../refresh-token/refresh-token.service.js';
import { Rotator } from '../refresh-token/rotate.js';
import { SessionFinder } from '../refresh-token/session.finder.js';
import { TokenResponder } from '../refresh-token/token.responder.js';
import { TokenSecretRegistry } from '../key-ring/token-secret.registry.js';
import { ServiceKeys } from '../guards/service-keys.js';
import { PolicyGate } from '../session/policy.gate.js';
import { PurgeWalk } from '../session/purge/purge.walk.js';
import { SessionEventPublisher } from '../session/session-events.publisher.js';
import { SessionCreator } from '../session/session.creator.js';
import { SessionEnder } from '../session/session.ender.js';
import { SessionPurger } from '../session/purge/session.purger.js';
import { SessionService } from '../session/session.service.js';
import { SessionStore } from '../session/session.store.js';

/** The providers that other modules may inject. A module with a name exports them under `getAuthToken(…, name)`. */
export const AUTH_EXPORTS = [
  RESOLVED_OPTIONS,
  AccessTokenVerifier,
  AuthErrorFilter,
  AuthExceptionFilter,
  AuthReply,
  Clock,
  Database,
  ErrorHeaders,
  KeyRing,
  RandomSource,
  RefreshTokenCodec,
  RefreshTokenCookies,
  RefreshTokenReader,
  RefreshTokenService,
  ServiceKeys,
  SessionService,
  SigningKeyRegistry,
  TokenIntrospector,
  TokenSecretRegistry,
] as const;

/** The providers of every module. Those that depend on how a module was declared are in `auth.module-definition.ts`. */
export const AUTH_PROVIDERS: Provider[] = [
  { provide: Clock, useClass: SystemClock },
  { provide: RandomSource, useClass: SystemRandomSource },
  // A JwtService of our own: a host's global JwtModule must not decide how access tokens are signed.
  { provide: JwtService, useFactory: () => new JwtService({}) },
  AccessTokenIssuer,
  AccessTokenVerifier,
  AuthErrorFilter,
  AuthExceptionFilter,
  AuthReply,
  Database,
  ErrorHeaders,
  KeyRing,
  LegacyTokenAdopter,
  ModuleIsolation,
  PolicyGate,
  PurgeWalk,
  RefreshTokenCodec,
  RefreshTokenCookies,
  RefreshTokenReader,
  RefreshTokenService,
  Rotator,
  ServiceKeys,
  SessionCreator,
  SessionEnder,
  SessionEventPublisher,
  SessionFinder,
  SessionPurger,
  SessionService,
  SessionStore,
  SigningKeyRegistry,
  TokenIntrospector,
  TokenResponder,
  TokenSecretRegistry,
];
