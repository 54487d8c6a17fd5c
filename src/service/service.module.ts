import { Module, type DynamicModule } from '@nestjs/common';
import { JwksController } from '../auth/access-token/jwks.controller.js';
import { AuthModule } from '../auth/auth.module.js';
import { LogoutController } from '../auth/refresh-token/logout.controller.js';
import { RefreshTokenController } from '../auth/refresh-token/refresh-token.controller.js';
import { DatabaseModule } from './database/database.module.js';
import { OpenApiController } from './docs/openapi.controller.js';
import { Draining } from './health/draining.js';
import { HealthController } from './health/health.controller.js';
import { Readiness } from './health/readiness.js';
import type { ServiceConfig } from './service.config.js';
import { SERVICE_CONFIG } from './service.tokens.js';
import { SessionsController } from './sessions/sessions.controller.js';

/** The stand-alone service: the module that hosts use, with a database, a way in for the login backend, and health. */
@Module({})
export class ServiceModule {
  static with(config: ServiceConfig): DynamicModule {
    return {
      module: ServiceModule,
      imports: [
        AuthModule.forRoot({
          ...config.auth,
          imports: [DatabaseModule.at(config.database)],
          controllers: [RefreshTokenController, LogoutController, JwksController],
        }),
      ],
      controllers: [
        HealthController,
        OpenApiController,
        // Without a key nobody can be let in: the endpoint isn't there.
        ...(config.serviceKeys.length > 0 ? [SessionsController] : []),
      ],
      providers: [{ provide: SERVICE_CONFIG, useValue: config }, Draining, Readiness],
    };
  }
}
