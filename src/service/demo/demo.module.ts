import {
  Inject,
  Logger,
  Module,
  Optional,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { AuthModule } from '../../auth/auth.module.js';
import type { AuthModuleOptions } from '../../auth/options/auth.options.js';
import { generateSecret, generateSigningKeys } from '../../auth/keys/key-generation.js';
import { LogoutController } from '../../auth/endpoints/logout.controller.js';
import { RefreshTokenController } from '../../auth/endpoints/refresh-token.controller.js';
import { SessionsController } from '../../auth/endpoints/sessions.controller.js';
import { openDatabase } from '../database/data-source.js';
import type { ServiceConfig } from '../service.config.js';
import { DemoApiController } from './demo-api.controller.js';
import { DemoPageController } from './demo-page.controller.js';
import { DEMO, DEMO_DATA_SOURCE } from './injection-tokens.js';
import { PageReply } from './page.reply.js';

/**
 * `/demo`: a page on which one can watch the library at work. The demo has an AuthModule of its own, with a database in
 * memory and new keys at each start: its tokens are good nowhere else, and its sessions end with the process.
 */
@Module({})
export class DemoModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(@Optional() @Inject(DEMO_DATA_SOURCE) private readonly dataSource?: DataSource) {}

  /**
   * The demo's module. Without better-sqlite3 the module serves nothing.
   * @param config the address of the service, from which the demo's issuer is made
   */
  static async with({ address }: Pick<ServiceConfig, 'address'>): Promise<DynamicModule> {
    const dataSource = await inMemory();
    if (!dataSource) return { module: DemoModule };
    const database: DynamicModule = {
      module: DemoDatabaseModule,
      providers: [{ provide: DEMO_DATA_SOURCE, useFactory: () => dataSource }],
      exports: [DEMO_DATA_SOURCE],
    };
    return {
      module: DemoModule,
      imports: [
        database,
        AuthModule.forRoot({
          ...optionsAt(`${address}/${DEMO}`),
          name: DEMO,
          dataSource: DEMO_DATA_SOURCE,
          imports: [database],
          controllers: [RefreshTokenController, LogoutController, SessionsController],
        }),
      ],
      controllers: [DemoApiController, DemoPageController],
      providers: [PageReply],
    };
  }

  /** Whether `/demo` is served. */
  get isOn(): boolean {
    return this.dataSource !== undefined;
  }

  onApplicationBootstrap(): void {
    if (!this.isOn) new Logger('Demo').log('/demo is off: npm install better-sqlite3 to switch it on');
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource?.isInitialized) await this.dataSource.destroy();
  }
}

@Module({})
class DemoDatabaseModule {}

/** Short lives, so that one can watch tokens and the leeway end. */
function optionsAt(issuer: string): AuthModuleOptions {
  return {
    refreshToken: { secrets: [generateSecret()], leeway: '2s', idleTtl: '1h', absoluteTtl: '1d' },
    accessToken: { issuer, ttl: '15s', keys: generateSigningKeys() },
    // No purge: the database is gone with the process.
    session: { maxSessionsPerSubject: 20, purge: false },
  };
}

/** A database in memory; `undefined` where it can't be opened, since the service must start without its demo too. */
async function inMemory(): Promise<DataSource | undefined> {
  try {
    return await openDatabase({ type: 'sqlite', path: ':memory:' }, 0);
  } catch {
    return undefined;
  }
}
