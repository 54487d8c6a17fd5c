import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import { ConfigurationError } from '../auth.errors.js';

/**
 * The path of an entity's table: the host's schema, prefix and naming strategy applied, not quoted.
 * @throws ConfigurationError where the DataSource doesn't know the entity
 */
export function tablePath(dataSource: DataSource, entity: EntityTarget<ObjectLiteral> & { name: string }): string {
  if (!dataSource.hasMetadata(entity)) {
    throw new ConfigurationError(
      `dataSource: the entity ${entity.name} is not registered. Add "...refreshTokenEntities" from nest-refresh-token to the DataSource's "entities".`,
    );
  }
  return dataSource.getMetadata(entity).tablePath;
}

/** The same, quoted for SQL. */
export function quotedTable(dataSource: DataSource, entity: EntityTarget<ObjectLiteral> & { name: string }): string {
  return tablePath(dataSource, entity)
    .split('.')
    .map((part) => dataSource.driver.escape(part))
    .join('.');
}
