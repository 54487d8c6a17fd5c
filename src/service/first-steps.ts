import { parseDuration } from '../auth/formats/duration.js';
import type { ServiceConfig } from './service.config.js';

/** The text for a newcomer after the start: commands to paste into another terminal. The text has no secret in it. */
export function firstSteps(config: Pick<ServiceConfig, 'address' | 'serviceKeyFile' | 'hasDemo' | 'auth'>): string {
  const { address, serviceKeyFile, hasDemo, auth } = config;
  const key = serviceKeyFile === undefined ? '$SERVICE_KEY' : `$(cat ${quoted(serviceKeyFile)})`;
  const refresh = `curl -s -X POST ${address}/refresh_token -H "Authorization: Bearer $REFRESH_TOKEN"; echo`;
  const leeway = (parseDuration(auth.refreshToken.leeway) ?? 0) / 1_000;
  const repeat =
    leeway === 0
      ? ''
      : `# 3. Another tab does the same within the leeway of ${leeway} s, and gets the same successor:\n${refresh}\n`;
  return `
nest-refresh-token listens on ${address}
${hasDemo ? `\nWatch it in the browser: ${address}/demo\n` : ''}
Paste into another terminal${serviceKeyFile === undefined ? ' (with your service key in SERVICE_KEY)' : ', in this folder'}:

# 1. Your login backend starts a session for a user:
SESSION=$(curl -s -X POST ${address}/sessions -H "Authorization: Bearer ${key}" -H 'Content-Type: application/json' -d '{"subject":"alice"}'); echo "$SESSION"
REFRESH_TOKEN=$(echo "$SESSION" | sed 's/.*"refresh_token":"\\([^"]*\\)".*/\\1/')
# 2. The client trades its refresh token for a new access token and a successor:
${refresh}
${repeat}
More: ${address}/docs
`;
}

/** A path as one word of the shell. The quotes work within double quotes too, since $( ) has a quoting of its own. */
function quoted(path: string): string {
  if (path.startsWith('-')) return quoted(`./${path}`);
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
