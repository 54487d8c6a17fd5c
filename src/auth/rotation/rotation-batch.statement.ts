import type { ParameterType, SqlStatement, SqlValue } from '../database/sql-statement.js';

/** The parameters of one rotation, by their names in the statement. */
export type RotationValues = Readonly<Record<string, string | number | null>> & { readonly id: string };

/** The templates of a single rotation. */
export interface RotationTemplates {
  readonly set: string;
  readonly where: string;
}

/**
 * The rotations of several sessions as one statement, each judged by its own row. A row that somebody else holds is
 * left out (SKIP LOCKED): it neither holds up the others nor can there be a deadlock.
 */
export interface SharedRotationStatement {
  /** Whether it is better than the single statement for one rotation, too. */
  readonly isForOneToo: boolean;
  /** Returns the rows that it has rotated, with `is_rotated` 1. */
  readonly statement: SqlStatement;
  /** Returns the rows that the rule doesn't rotate, with `is_rotated` 0; without it, `statement` does that, too. */
  readonly look?: SqlStatement;
  valuesOf(together: readonly RotationValues[]): Record<string, SqlValue>;
}

/** What each rotation brings. */
export const ASKED = ['id', 'n', 'now', 'accept_ahead', 'user_agent', 'ip'] as const;

/** What is the same for all of them. */
export const SHARED: Record<string, ParameterType> = {
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
