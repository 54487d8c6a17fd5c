import type { Duration } from '../formats/duration.js';
import type { TokenSecret } from '../keys/token-secret.js';
import { refreshTokenTable } from './refresh-token.table.js';
import { refused } from './readers.js';
import { Refusal } from './reader.js';

// Each option is good by itself by now. What is left are options that contradict each other; that signing keys aren't
// given in two ways is checked by `signingKeys`, which reads them.

/**
 * A session must not end while a repeated request is still answered.
 * @param given the option `idleTtl` as the host wrote it; the other two are milliseconds
 * @throws ConfigurationError where the idle life isn't more than the leeway
 */
export function requireIdleTtlAboveLeeway(given: Duration | undefined, idleTtl: number, leeway: number): void {
  if (idleTtl > leeway) return;
  const { option, fallback } = refreshTokenTable.idleTtl;
  throw refused(given ?? fallback, `more than the leeway, ${leeway / 1_000} s`).toError(option);
}

/**
 * A secret that is in use can't have been given up.
 * @throws ConfigurationError where the fingerprint of a configured secret is among the retired ones
 */
export function requireConfiguredNotRetired(secrets: readonly TokenSecret[], retired: readonly string[]): void {
  const both = secrets.find(({ fingerprint }) => retired.includes(fingerprint));
  if (both === undefined) return;
  throw new Refusal(
    `the fingerprint ${both.fingerprint} of a secret that is configured`,
    `those of secrets that are no longer in ${refreshTokenTable.secrets.option}`,
  ).toError(refreshTokenTable.retiredSecrets.option);
}
