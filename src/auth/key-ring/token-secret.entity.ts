import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A secret that mints, or is about to. Times are milliseconds since the epoch; the secret itself is never stored. */
@Entity({ name: 'refresh_token_secrets' })
export class RefreshTokenSecret {
  /** 8 bytes in hex, whose first byte is the secret id in the tokens it made. */
  @PrimaryColumn({ name: 'fingerprint', type: 'varchar', length: 16 })
  fingerprint!: string;

  /** When an instance first had it in the minting place; the activation delay counts from here. */
  @Column({ name: 'first_seen_at', type: 'bigint' })
  firstSeenAt!: string;

  /** When it began to mint, or null where it never did: nobody holds a token of it then. */
  @Column({ name: 'minted_at', type: 'bigint', nullable: true })
  mintedAt!: string | null;

  /** When another began to mint in its place, or null while it is the minting one. */
  @Column({ name: 'replaced_at', type: 'bigint', nullable: true })
  replacedAt!: string | null;
}
