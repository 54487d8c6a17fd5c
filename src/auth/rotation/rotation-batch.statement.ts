import type { ParameterTypes, SqlStatement, SqlValue } from '../database/sql-statement.js';
import type { RotationTemplates } from './rotation.statement.js';

/** The parameters of one rotation, by their names in the statement. */
export type RotationValues = Readonly<Record<string, string | number | null>> & { readonly id: string };

/**
 * The rotations of several sessions as one statement, each judged by its own row. A row that somebody else holds is
 * left out (SKIP LOCKED): such a row doesn't hold up the others, and there can be no deadlock.
 */
export interface RotationBatchStatement {
  /** Whether a single rotation runs as a batch, too. */
  readonly isForOneToo: boolean;
  /** Rotates, and returns the rotated rows with `is_rotated` 1. */
  readonly statement: SqlStatement;
  /**
   * Returns the rows that the rule doesn't rotate, with `is_rotated` 0. Where absent, `statement` returns those, too.
   */
  readonly look?: SqlStatement;
  valuesOf(batch: readonly RotationValues[]): Record<string, SqlValue>;
}

/** The parameters that differ between the rotations of a batch. */
export const ASKED = ['id', 'n', 'now', 'accept_ahead', 'user_agent', 'ip'] as const;

/** The types of the parameters that all rotations of a batch share. */
export const COMMON_TYPES: ParameterTypes = {
  idle: 'bigint',
  absolute: 'bigint',
  not_before: 'bigint',
  leeway: 'bigint',
};

/** The templates in which each rotation's own parameters are columns, `asked_…`. */
export function askedIn({ set, where }: RotationTemplates): RotationTemplates {
  const parameter = new RegExp(`:(${ASKED.join('|')})\\b`, 'g');
  return { set: set.replace(parameter, 'asked_$1'), where: where.replace(parameter, 'asked_$1') };
}
