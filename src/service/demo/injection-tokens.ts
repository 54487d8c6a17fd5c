/** The name of the demo's AuthModule, and the path of the demo. */
export const DEMO = 'demo';

/** Injection token of the demo's own DataSource. */
export const DEMO_DATA_SOURCE = Symbol('nest-refresh-token:demo-data-source');
