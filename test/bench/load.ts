/** What the load generator is asked for. */
export interface LoadOrder {
  readonly port: number;
  /** The server's process, whose processor time is read at both ends of the measurement. */
  readonly pid: number;
  /** Whose tokens are presented; where none is named, the handler is an empty one. */
  readonly pool: string | null;
  /** Whether each answer has to hold another token than the one presented. */
  readonly mustRotate: boolean;
  readonly connections: number;
  /** Seconds before the measurement, and of it. */
  readonly warmUp: number;
  readonly seconds: number;
}

/** What the load generator saw. */
export interface LoadResult {
  readonly answers: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** How many answers brought another token. */
  readonly rotated: number;
  /** Processor time in seconds; `null` where the system doesn't tell. */
  readonly serverProcessorTime: number | null;
  readonly generatorProcessorTime: number;
  /** Answers that are not what they have to be, the warm-up's too, by reason. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Tokens that the generator is to know by a name. */
export interface PoolOrder {
  readonly name: string;
  readonly file: string;
  readonly count: number;
}

/** Refreshes each session of a pool the same number of times. */
export interface RepeatOrder {
  readonly port: number;
  readonly pool: string;
  readonly connections: number;
  readonly times: number;
}

export type GeneratorOrder =
  | { readonly type: 'pool'; readonly pool: PoolOrder }
  | { readonly type: 'load'; readonly load: LoadOrder }
  | { readonly type: 'repeat'; readonly repeat: RepeatOrder };

/** How an order was carried out. */
export type GeneratorReply =
  | { readonly type: 'done' }
  | { readonly type: 'result'; readonly result: LoadResult }
  | { readonly type: 'failed'; readonly reason: string };
