import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { Database } from '../../auth/database/database.js';
import { RefreshTokenSession } from '../../auth/session/session.entity.js';
import { isSessionId } from '../../auth/session/session.service.js';
import { sessionStatements } from '../../auth/session/session.statements.js';
import type { RevocationReason } from '../../auth/session/session.js';
import { environmentWithDotEnv } from '../config/dot-env.js';
import { readVariables } from '../config/environment.js';
import { shown, UsageError, type Command } from './command.js';
import { withSessionDatabase } from './session-database.js';

/** After how many sessions it says how far it is. */
const PROGRESS = 1_000;

export const sessionsEnd: Command = {
  usage: 'sessions end --ids <file>',
  about: 'end the sessions whose ids stand in the file, one a line, "-" for stdin; run it as often as you like',
  async run(_, { ids: path }) {
    if (path === undefined) throw new UsageError('sessions end takes --ids <file>, "-" for stdin');
    const ids = await readIds(path);
    const environment = readVariables(environmentWithDotEnv());
    return withSessionDatabase(environment, async (dataSource, name) => {
      if (ids.length === 0) return 'Got no ids: nothing to end.\n';
      const { ended, before } = await endAll(new Database(dataSource), ids);
      const unknown = ids.length - ended - before;
      return `${ended} ended; ${before} had ended before; ${unknown} are not in ${name}.\n`;
    });
  },
};

/** All are checked before the first is ended. */
async function readIds(path: string): Promise<string[]> {
  const lines = (await textOf(path)).split('\n').map((line) => line.trim());
  for (const [position, line] of lines.entries()) {
    if (line === '' || isSessionId(line)) continue;
    throw new ConfigurationError(
      `sessions end: line ${position + 1}: got ${shown(line)}, takes a session's id, a UUID. Nothing was ended.`,
    );
  }
  return [...new Set(lines.filter((line) => line !== '').map((line) => line.toLowerCase()))];
}

async function textOf(path: string): Promise<string> {
  if (path === '-') return text(process.stdin);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigurationError(
      `sessions end: got ${JSON.stringify(path)} (${code}), takes the path of a readable file.`,
    );
  }
}

/** Each durably and by itself: the service goes on meanwhile. @returns how many it ended, and how many had ended */
async function endAll(database: Database, ids: readonly string[]): Promise<{ ended: number; before: number }> {
  const table = database.table(RefreshTokenSession);
  const { revoke, find } = sessionStatements(database.dialect, table, { lostResponse: 'forgive', recordDevice: true });
  const reason: RevocationReason = 'service';
  let ended = 0;
  let before = 0;
  for (const [position, id] of ids.entries()) {
    const [wasAlive] = await database.runDurably(revoke, { id, subject: null, reason, now: Date.now() });
    if (wasAlive) ended += 1;
    else before += (await database.run(find, { id })).length;
    const done = position + 1;
    if (done % PROGRESS === 0 && done < ids.length) process.stderr.write(`${done} of ${ids.length}\n`);
  }
  return { ended, before };
}
