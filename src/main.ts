import 'reflect-metadata';
import { runService } from './service/run.js';

await runService();
