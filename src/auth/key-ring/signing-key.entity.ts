import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A signing key that an instance has published, by its id; neither half of the key is stored. */
@Entity({ name: 'access_token_keys' })
export class AccessTokenKey {
  /** The key's `kid`. */
  @PrimaryColumn({ name: 'key_id', type: 'varchar', length: 255 })
  keyId!: string;

  /** When an instance first published it, in milliseconds since the epoch; the activation delay counts from here. */
  @Column({ name: 'first_seen_at', type: 'bigint' })
  firstSeenAt!: string;
}
