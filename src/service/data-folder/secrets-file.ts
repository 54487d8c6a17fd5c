import { ConfigurationError } from '../../auth/auth.errors.js';
import { tokenSecret } from '../../auth/keys/token-secret.js';
import { parsed } from '../config/variable.js';
import { variables } from '../config/variables.js';

/** A secret of the data folder. */
export interface StoredSecret {
  readonly secret: string;
  readonly fingerprint: string;
}

/** The secrets of the data folder, the first of which is to mint. */
export interface SecretFile {
  readonly secrets: readonly StoredSecret[];
  /** Fingerprints of those that were taken away. */
  readonly retired: readonly string[];
}

interface Json {
  readonly secrets: readonly { readonly secret: string }[];
  readonly retired?: readonly string[];
}

/**
 * Reads the file, in whose first version only the secrets stood, separated by commas.
 * @param source what messages name
 * @throws ConfigurationError in one line, without a secret
 */
export function parseSecretFile(text: string, source: string, remedy = ''): SecretFile {
  const json = /^[[{"]/.test(text) ? jsonOf(text, source, remedy) : undefined;
  const listed = json?.secrets.map(({ secret }) => secret).join(',') ?? text;
  const secrets = parsed(variables.refreshTokenSecrets, listed, source, remedy);
  const retired = json?.retired ? parsed(variables.retiredSecrets, json.retired.join(','), source, remedy) : [];
  return {
    secrets: secrets.map((secret) => ({ secret, fingerprint: tokenSecret(secret).fingerprint })),
    retired,
  };
}

export function formatSecretFile({ secrets, retired }: SecretFile): string {
  const json: Json = {
    secrets: secrets.map(({ secret }) => ({ secret })),
    ...(retired.length > 0 && { retired }),
  };
  return JSON.stringify(json, null, 2);
}

function jsonOf(text: string, source: string, remedy: string): Json {
  const takes = 'takes {"secrets":[{"secret"}]}, as "keys add --secret" writes it';
  let json: Partial<Json> | undefined;
  try {
    json = JSON.parse(text) as Partial<Json>;
  } catch {
    json = undefined;
  }
  const isComplete = Array.isArray(json?.secrets) && json.secrets.every(isStored);
  if (!json || !isComplete || (json.retired !== undefined && !Array.isArray(json.retired))) {
    throw new ConfigurationError(`${source}: got a value of ${text.length} characters, ${takes}.${remedy}`);
  }
  return json as Json;
}

/** An empty one, or one with a comma, would be none or two where secrets are read as the environment's are. */
function isStored(entry: Partial<Json['secrets'][number]> | null): boolean {
  const secret = entry?.secret;
  return typeof secret === 'string' && secret.trim() !== '' && !secret.includes(',');
}
