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

/** The stand-alone service: the module that hosts use, with a database, a way in for the login backend, and health. */
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
          // Without a service key, users see to their own sessions only.
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
        // Without a key nobody can be let in: the endpoint isn't there.
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
