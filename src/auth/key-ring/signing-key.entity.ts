import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A signing key that an instance has published, by its id. Times are milliseconds since the epoch; no key is stored. */
@Entity({ name: 'access_token_keys' })
export class AccessTokenKey {
  /** The key's `kid`. */
  @PrimaryColumn({ name: 'key_id', type: 'varchar', length: 255 })
  keyId!: string;

  /** When an instance first published the key; the activation delay counts from here. */
  @Column({ name: 'first_seen_at', type: 'bigint' })
  firstSeenAt!: string;

  /** When the key began to sign, or null where it never did: nobody holds a token of it then. */
  @Column({ name: 'used_at', type: 'bigint', nullable: true })
  usedAt!: string | null;

  /** When another key began to sign in its place, or null while this one signs. */
  @Column({ name: 'replaced_at', type: 'bigint', nullable: true })
  replacedAt!: string | null;

  /** When an instance started without the key, or null while the key is configured. */
  @Column({ name: 'withdrawn_at', type: 'bigint', nullable: true })
  withdrawnAt!: string | null;
}
