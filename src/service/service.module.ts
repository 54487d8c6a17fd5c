import { Module, type DynamicModule } from '@nestjs/common';
import { JwksController } from '../auth/endpoints/jwks.controller.js';
import { AuthModule } from '../auth/auth.module.js';
import { LogoutController } from '../auth/endpoints/logout.controller.js';
import { RefreshTokenController } from '../auth/endpoints/refresh-token.controller.js';
import { LiveSessionGuard } from '../auth/guards/live-session.guard.js';
import { SessionsController } from '../auth/endpoints/sessions.controller.js';
import { DatabaseModule } from './database/database.module.js';
import { DemoModule } from './demo/demo.module.js';
import { OpenApiController } from './docs/openapi.controller.js';
import { Draining } from './http/draining.js';
import { HealthController } from './endpoints/health.controller.js';
import { Readiness } from './endpoints/readiness.js';
import { KEY_FILES, KeyFileWatcher } from './data-folder/key-file.watcher.js';
import { oauthControllers } from './endpoints/oauth.controllers.js';
import type { ServiceConfig } from './service.config.js';
import { SERVICE_CONFIG } from './injection-tokens.js';
import { AnySessionsController } from './endpoints/any-sessions.controller.js';
import { BackendSessionsController } from './endpoints/backend-sessions.controller.js';
import { SessionLog } from './endpoints/session-log.observer.js';

/** The stand-alone service: AuthModule with a database, endpoints for the login backend, health, documents and demo. */
@Module({})
export class ServiceModule {
  static with(config: ServiceConfig): DynamicModule {
    const hasKeys = config.auth.serviceKeys.length > 0;
    return {
      module: ServiceModule,
      imports: [
        AuthModule.forRoot({
          ...config.auth,
          imports: [DatabaseModule.at(config.database)],
          // Without a service key, `/sessions` takes access tokens only. With one, AnySessionsController is below.
          controllers: [
            RefreshTokenController,
            LogoutController,
            JwksController,
            ...(hasKeys ? [] : [SessionsController]),
            ...oauthControllers(config),
          ],
          sessionObserver: SessionLog,
        }),
        ...(config.hasDemo ? [DemoModule.with(config)] : []),
      ],
      controllers: [
        HealthController,
        OpenApiController,
        // These take a service key: without one configured, their routes don't exist.
        ...(hasKeys ? [BackendSessionsController, AnySessionsController] : []),
      ],
      providers: [
        { provide: SERVICE_CONFIG, useValue: config },
        { provide: KEY_FILES, useValue: config.keyFiles },
        Draining,
        KeyFileWatcher,
        LiveSessionGuard,
        Readiness,
      ],
    };
  }
}
