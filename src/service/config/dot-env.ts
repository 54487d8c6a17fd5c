import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigurationError } from '../../auth/auth.errors.js';
import type { ProcessEnvironment } from './environment.js';

/**
 * The process's environment over `.env` in the working folder.
 * @throws ConfigurationError where there is a `.env` that can't be read
 */
export function environmentWithDotEnv(): ProcessEnvironment {
  const given = Object.entries(process.env).filter(([, value]) => value !== '');
  return { ...dotEnv(), ...Object.fromEntries(given) };
}

function dotEnv(): ProcessEnvironment {
  try {
    return parseEnv(readFileSync('.env', 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    throw new ConfigurationError(`.env: it can't be read (${code}); takes a file of lines such as PORT=3000.`, {
      cause: error,
    });
  }
}
