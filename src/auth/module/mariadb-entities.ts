import { EntitySchema, getMetadataArgsStorage, type EntitySchemaColumnOptions } from 'typeorm';
import { refreshTokenEntities } from './entities.js';

/**
 * The module's entities for a DataSource of type "mariadb", in the place of `refreshTokenEntities`: the same classes,
 * but for what TypeORM makes of a session's id. MariaDB's own `uuid` takes only ids of a known version; ours are hashes.
 */
export const mariadbEntities = refreshTokenEntities.map(asSchema);

function asSchema(target: (typeof refreshTokenEntities)[number]): EntitySchema {
  const { tables, indices, columns } = getMetadataArgsStorage();
  const isOurs = (args: { target: unknown }) => args.target === target;
  return new EntitySchema({
    target,
    name: target.name,
    tableName: String(tables.find(isOurs)?.name),
    columns: Object.fromEntries(
      columns
        .filter(isOurs)
        .map(({ propertyName, options }) => [
          propertyName,
          { ...options, ...(options.type === 'uuid' && { type: 'varchar', length: 36 }) } as EntitySchemaColumnOptions,
        ]),
    ),
    indices: indices.filter(isOurs).map((index) => ({ columns: index.columns as string[] })),
  });
}
