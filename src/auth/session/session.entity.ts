import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * One login on one device; one row for ever, however often it refreshes. Times and numbers are integers,
 * milliseconds since the epoch, which drivers hand over as text. For reading only: `RefreshTokenService`
 * and `SessionService` change sessions.
 */
@Entity({ name: 'refresh_token_sessions' })
export class RefreshTokenSession {
  /** The session's id, `sid` in access tokens: derived from the token's handle, so that it can't make a token. */
  @PrimaryColumn({ name: 'id', type: 'uuid' })
  id!: string;

  /** The user's id, as the host gave it. */
  // Indexed, since all sessions of a subject are listed, ended and changed together. Nothing that a refresh changes is
  // indexed: PostgreSQL can then update the row in place (HOT).
  @Index()
  @Column({ name: 'subject', type: 'varchar', length: 255 })
  subject!: string;

  @Column({ name: 'client_id', type: 'varchar', length: 255, nullable: true })
  clientId!: string | null;

  @Column({ name: 'scope', type: 'text', nullable: true })
  scope!: string | null;

  /** The host's claims, as JSON. */
  @Column({ name: 'claims', type: 'text', nullable: true })
  claims!: string | null;

  /** The last token that a client used. */
  @Column({ name: 'used', type: 'bigint' })
  used!: string;

  /** The last token handed out. */
  @Column({ name: 'issued', type: 'bigint' })
  issued!: string;

  /** The last token handed out when `used` was first used. */
  @Column({ name: 'floor', type: 'bigint' })
  floor!: string;

  @Column({ name: 'created_at', type: 'bigint' })
  createdAt!: string;

  @Column({ name: 'last_used_at', type: 'bigint' })
  lastUsedAt!: string;

  @Column({ name: 'expires_at', type: 'bigint' })
  expiresAt!: string;

  @Column({ name: 'revoked_at', type: 'bigint', nullable: true })
  revokedAt!: string | null;

  @Column({ name: 'revoked_reason', type: 'varchar', length: 32, nullable: true })
  revokedReason!: string | null;

  /** How many tokens were minted for `used` beyond the first: answers that were lost. */
  @Column({ name: 'recovered', type: 'integer', default: 0 })
  recovered!: number;

  /** What the user calls the device. */
  @Column({ name: 'label', type: 'varchar', length: 100, nullable: true })
  label!: string | null;

  /** The `User-Agent` of the login, or of the last rotation. */
  @Column({ name: 'user_agent', type: 'varchar', length: 512, nullable: true })
  userAgent!: string | null;

  /** The IP address of the login, or of the last rotation. */
  @Column({ name: 'ip', type: 'varchar', length: 45, nullable: true })
  ip!: string | null;
}
