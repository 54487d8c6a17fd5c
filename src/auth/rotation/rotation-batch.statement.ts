import type { ParameterTypes, SqlStatement, SqlValue } from '../database/sql-statement.js';
import type { RotationTemplates } from './rotation.statement.js';

/** The parameters of one rotation, by their names in the statement. */
export type RotationValues = Readonly<Record<string, string | number | null>> & { readonly id: string };

/**
 * The rotations of several sessions as one statement, each judged by its own row. A row that somebody else holds is
 * left out (SKIP LOCKED): such a row doesn't hold up the others, and there can be no deadlock.
 */
export interface RotationBatchStatement {
  /** Whether it is better than the single statement for one rotation, too. */
  readonly isForOneToo: boolean;
  /** Returns the rows that it has rotated, with `is_rotated` 1. */
  readonly statement: SqlStatement;
  /** Returns the rows that the rule doesn't rotate, with `is_rotated` 0; without it, `statement` does that, too. */
  readonly look?: SqlStatement;
  valuesOf(batch: readonly RotationValues[]): Record<string, SqlValue>;
}

/** What each rotation brings. */
export const ASKED = ['id', 'n', 'now', 'accept_ahead', 'user_agent', 'ip'] as const;

/** The types of what is the same for all rotations of a batch. */
export const COMMON_TYPES: ParameterTypes = {
  idle: 'bigint',
  absolute: 'bigint',
  not_before: 'bigint',
  leeway: 'bigint',
};

/** The templates with what each rotation brings as a column, `asked_…`. */
export function askedIn({ set, where }: RotationTemplates): RotationTemplates {
  const parameter = new RegExp(`:(${ASKED.join('|')})\\b`, 'g');
  return { set: set.replace(parameter, 'asked_$1'), where: where.replace(parameter, 'asked_$1') };
}
