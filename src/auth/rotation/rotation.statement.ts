/**
 * The rotation rule, in SQL. `rotation.rule.ts` says the same as a pure function; a test holds the two against each
 * other.
 */

/** The SET list and the condition of an UPDATE of a session's row: templates with `:named` parameters. */
export interface RotationTemplates {
  readonly set: string;
  readonly where: string;
}

/** The options that the templates depend on. */
export interface RotationStatementOptions {
  readonly lostResponse: 'forgive' | 'revoke';
  readonly recordDevice: boolean;
}

const IS_WITHIN_ABSOLUTE_LIFE = 'created_at > :now - :absolute AND created_at >= :not_before';

/** Whether a session is alive, by its row alone. The pure form is `isLive`. */
export const IS_LIVE = `revoked_at IS NULL AND expires_at > :now AND ${IS_WITHIN_ABSOLUTE_LIFE}`;

/**
 * The mint for token `:n`, and the condition under which a row gets it. The pure forms are `mint` and `decide`.
 *
 * The row is the lock. The order of the SET list is kept for databases that assign from left to right. A token that is
 * ahead of the row is taken only where the caller has read the row and asks for it by `:accept_ahead`, since a returned
 * row doesn't tell that case from the others.
 */
export function rotationTemplates({ lostResponse, recordDevice }: RotationStatementOptions): RotationTemplates {
  const isGood = lostResponse === 'forgive' ? '(floor < :n OR used = :n)' : 'floor < :n';
  // Where devices are no longer recorded, the next rotation deletes the recorded device.
  const device = recordDevice
    ? 'user_agent = COALESCE(:user_agent, user_agent), ip = COALESCE(:ip, ip)'
    : 'user_agent = NULL, ip = NULL';
  return {
    set: `
        floor = CASE WHEN used = :n THEN floor ELSE GREATEST(issued, :n) END,
        recovered = CASE WHEN used = :n THEN recovered + 1 ELSE 0 END,
        used = :n,
        issued = GREATEST(:now, issued + 1, :n + 1),
        last_used_at = :now,
        expires_at = LEAST(:now + :idle, created_at + :absolute),
        ${device}`,
    where: `revoked_at IS NULL
        AND ${IS_WITHIN_ABSOLUTE_LIFE}
        AND CASE WHEN issued < :n THEN :n + :idle ELSE expires_at END > :now
        AND CASE WHEN issued < :n THEN :accept_ahead = 1
                 ELSE ${isGood} AND NOT (used > 0 AND ABS(:now - issued) < :leeway) END`,
  };
}
