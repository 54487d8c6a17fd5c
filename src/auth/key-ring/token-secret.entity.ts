import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A secret that an instance verifies with. Times are milliseconds since the epoch; the secret itself is never stored. */
@Entity({ name: 'refresh_token_secrets' })
export class RefreshTokenSecret {
  /** 8 bytes in hex, whose first byte is the secret id in the tokens that the secret made. */
  @PrimaryColumn({ name: 'fingerprint', type: 'varchar', length: 16 })
  fingerprint!: string;

  /** When an instance first had the secret; the activation delay counts from here. */
  @Column({ name: 'first_seen_at', type: 'bigint' })
  firstSeenAt!: string;

  /** When the secret began to mint, or null where it never did: nobody holds a token of it then. */
  @Column({ name: 'used_at', type: 'bigint', nullable: true })
  usedAt!: string | null;

  /** When another secret began to mint in its place, or null while this one mints. */
  @Column({ name: 'replaced_at', type: 'bigint', nullable: true })
  replacedAt!: string | null;

  /** When an instance started without the secret, or null while the secret is configured. */
  @Column({ name: 'withdrawn_at', type: 'bigint', nullable: true })
  withdrawnAt!: string | null;
}
