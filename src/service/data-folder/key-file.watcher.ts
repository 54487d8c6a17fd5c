import { readFile } from 'node:fs/promises';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { KeyRing } from '../../auth/key-ring/key-ring.js';
import { SigningKeyRegistry } from '../../auth/key-ring/signing-key.registry.js';
import { TokenSecretRegistry } from '../../auth/key-ring/token-secret.registry.js';
import { messageOf } from '../../auth/runtime/log-cause.js';
import { parsed } from '../config/variable.js';
import { variables } from '../config/variables.js';
import type { ReadFile } from './development-keys.js';
import { parseSecretFile } from './secrets-file.js';

/** How often the files are looked at, in milliseconds: a change is seen within 5 s. */
const INTERVAL = 2_000;

/** Injection token of the {@link KeyFilesInUse}. */
export const KEY_FILES = Symbol('nest-refresh-token:key-files');

/** The files of the data folder that keys came from; `undefined` where the environment gave those keys. */
export interface KeyFilesInUse {
  readonly secrets: Pick<ReadFile<unknown>, 'path' | 'text'> | undefined;
  readonly signingKeys: Pick<ReadFile<unknown>, 'path' | 'text'> | undefined;
}

/** A file that is looked at. */
interface WatchedFile {
  readonly path: string;
  /** What it held when it was last taken into use. */
  text: string;
  /** What was refused, so that it is complained of once. */
  refused?: string;
  use(text: string, source: string): Promise<void>;
}

/**
 * Takes keys into use that `nest-refresh-token keys` has put into the data folder, without a restart. It polls: a
 * notification would be lost on network file systems and when a file is replaced.
 */
@Injectable()
export class KeyFileWatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Keys');
  private readonly files: readonly WatchedFile[];
  private isOver = false;

  constructor(
    private readonly keyRing: KeyRing,
    private readonly signingKeyRegistry: SigningKeyRegistry,
    private readonly tokenSecretRegistry: TokenSecretRegistry,
    @Inject(KEY_FILES) { signingKeys, secrets }: KeyFilesInUse,
  ) {
    this.files = [
      ...(signingKeys ? [{ ...signingKeys, use: this.useSigningKeys.bind(this) }] : []),
      ...(secrets ? [{ ...secrets, use: this.useSecrets.bind(this) }] : []),
    ];
  }

  onApplicationBootstrap(): void {
    // Each by itself: a file that can't be used doesn't hold up the other one.
    for (const file of this.files) this.schedule(file);
  }

  beforeApplicationShutdown(): void {
    this.isOver = true;
  }

  /** Looks at the files now. */
  async look(): Promise<void> {
    for (const file of this.files) await this.lookAt(file);
  }

  private schedule(file: WatchedFile): void {
    const lookAgain = async () => {
      if (this.isOver) return;
      await this.lookAt(file);
      this.schedule(file);
    };
    setTimeout(() => void lookAgain(), INTERVAL).unref();
  }

  private async lookAt(file: WatchedFile): Promise<void> {
    const { path } = file;
    let text = '';
    try {
      text = (await readFile(path, 'utf8')).trim();
      if (text !== file.text) await file.use(text, JSON.stringify(path));
      delete file.refused;
      if (text === file.text) return;
      file.text = text;
      const { signingKeys, secrets } = this.keyRing;
      this.logger.log('The keys in DATA_DIR have changed', {
        event: 'keys.replaced',
        key_ids: signingKeys.map(({ keyId }) => keyId),
        secrets: secrets.map(({ fingerprint }) => fingerprint),
      });
    } catch (error) {
      if (file.refused === text) return;
      file.refused = text;
      this.logger.error('A key file could not be used; the keys before it stay', {
        event: 'keys.refused',
        path,
        cause: messageOf(error),
      });
    }
  }

  private async useSigningKeys(text: string, source: string): Promise<void> {
    await this.signingKeyRegistry.replace(parsed(variables.signingKeys, text, source));
  }

  private async useSecrets(text: string, source: string): Promise<void> {
    const { secrets, retired } = parseSecretFile(text, source);
    await this.tokenSecretRegistry.replace(
      secrets.map(({ secret }) => secret),
      retired,
    );
  }
}
