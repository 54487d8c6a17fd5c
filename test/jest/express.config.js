import { common } from './common.js';

/** Everything, on Express and on every database. */
export default { ...common, displayName: 'Express', testRegex: ['\\.(spec|e2e)\\.ts$'] };
