import { readFileSync } from 'node:fs';
import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { RefreshTokenSession } from '../../auth/session/refresh-token-session.entity.js';
import { isSessionId } from '../../auth/session/session.service.js';
import type { RevocationReason } from '../../auth/session/session.js';
import { environmentWithDotEnv } from '../environment/dot-env.js';
import { readVariables } from '../environment/environment.js';
import { UsageError, type Command } from './command.js';
import { withSessionDatabase } from './session-database.js';

/** How many sessions one statement ends. */
const BATCH = 500;
const STDIN = 0;

export const sessionsEnd: Command = {
  usage: 'sessions end --ids <file>',
  about: 'end the sessions whose ids stand in the file, one a line, "-" for stdin; run it as often as you like',
  async run(_, { ids: path }) {
    if (path === undefined) throw new UsageError('sessions end takes --ids <file>, "-" for stdin');
    const ids = readIds(path);
    const environment = readVariables(environmentWithDotEnv());
    return withSessionDatabase(environment, async (dataSource) => {
      let ended = 0;
      for (let from = 0; from < ids.length; from += BATCH) {
        ended += await end(dataSource, ids.slice(from, from + BATCH));
        if (ids.length > BATCH)
          process.stderr.write(`${Math.min(from + BATCH, ids.length)} of ${ids.length} looked at\n`);
      }
      return `${ended} ended; ${ids.length - ended} had ended before, or are not in this database.\n`;
    });
  },
};

/** All are checked before the first is ended. */
function readIds(path: string): string[] {
  const lines = textOf(path)
    .split('\n')
    .map((line) => line.trim());
  for (const [position, line] of lines.entries()) {
    if (line === '' || isSessionId(line)) continue;
    const got = line.length > 64 ? `${line.length} characters` : JSON.stringify(line);
    throw new ConfigurationError(
      `sessions end: line ${position + 1}: got ${got}, takes a session's id, a UUID. Nothing was ended.`,
    );
  }
  return [...new Set(lines.filter((line) => line !== '').map((line) => line.toLowerCase()))];
}

function textOf(path: string): string {
  try {
    return readFileSync(path === '-' ? STDIN : path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Somebody who closed stdin has sent nothing.
    if (path === '-' && code === 'EOF') return '';
    throw new ConfigurationError(
      `sessions end: got ${JSON.stringify(path)} (${code}), takes the path of a readable file.`,
    );
  }
}

async function end(dataSource: DataSource, ids: readonly string[]): Promise<number> {
  const reason: RevocationReason = 'service';
  const { affected } = await dataSource
    .createQueryBuilder()
    .update(RefreshTokenSession)
    .set({ revokedAt: String(Date.now()), revokedReason: reason })
    .where('id IN (:...ids) AND revoked_at IS NULL', { ids })
    .execute();
  return affected ?? 0;
}
