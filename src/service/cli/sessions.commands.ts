import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { Database } from '../../auth/database/database.js';
import { isSessionId } from '../../auth/session/session.service.js';
import { SessionStore } from '../../auth/session/session.store.js';
import { environmentWithDotEnv } from '../config/dot-env.js';
import { readVariables, type Environment } from '../config/environment.js';
import { shown, UsageError, type Command } from './command.js';
import { withSessionDatabase } from './session-database.js';

/** How many ids are worked through between two lines of progress. */
const PROGRESS = 1_000;

export const sessionsEnd: Command<{ ids: 'file' }> = {
  about: 'end the sessions whose ids stand in the file, one a line, "-" for stdin; run it as often as you like',
  options: { ids: 'file' },
  async run(_, { ids: path }) {
    if (path === undefined) throw new UsageError('sessions end takes --ids <file>, "-" for stdin');
    const ids = await readIds(path);
    const environment = readVariables(environmentWithDotEnv());
    return withSessionDatabase(environment, async (dataSource, name) => {
      if (ids.length === 0) return 'Got no ids: nothing to end.\n';
      const { ended, before } = await endAll(storeOn(new Database(dataSource), environment), ids);
      const unknown = ids.length - ended - before;
      return `${ended} ended; ${before} had ended before; ${unknown} are not in ${name}.\n`;
    });
  },
};

/**
 * The ids in a file, each once.
 * @throws ConfigurationError where a line is no id; then no session is ended
 */
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

/** The service's own store of sessions, outside of its application. */
function storeOn(database: Database, environment: Environment): SessionStore {
  const { leeway, idleTtl, absoluteTtl, lostResponse, recordDevice } = environment;
  return new SessionStore(database, {
    // A session is ended whether or not the emergency brake refuses it.
    rotation: { leeway, idleTtl, absoluteTtl, lostResponse, notBefore: 0 },
    session: { recordDevice },
  });
}

/**
 * Ends one session after the other, each durably, since the service answers requests meanwhile.
 * @returns how many sessions this call ended, and how many were over before it
 */
async function endAll(store: SessionStore, ids: readonly string[]): Promise<{ ended: number; before: number }> {
  let ended = 0;
  let before = 0;
  for (const [position, id] of ids.entries()) {
    if (await store.end(id, 'service', Date.now())) ended += 1;
    else if (await store.find(id)) before += 1;
    const done = position + 1;
    if (done % PROGRESS === 0 && done < ids.length) process.stderr.write(`${done} of ${ids.length}\n`);
  }
  return { ended, before };
}
