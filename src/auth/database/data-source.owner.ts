import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../auth.errors.js';

/** The name of the module that works on a DataSource. Two modules on the same tables would take each other's tokens. */
const moduleNames = new WeakMap<DataSource, string | undefined>();

/**
 * Makes a module the one that works on a DataSource.
 * @throws ConfigurationError where another module works on it
 */
export function ownDataSource(dataSource: DataSource, moduleName: string | undefined): void {
  if (moduleNames.has(dataSource) && moduleNames.get(dataSource) !== moduleName) {
    const names = [moduleNames.get(dataSource), moduleName].map((name) => (name ? `"${name}"` : 'without a name'));
    throw new ConfigurationError(
      `dataSource: got one for two AuthModules (${names.join(' and ')}), takes a DataSource of its own for each.`,
    );
  }
  moduleNames.set(dataSource, moduleName);
}
