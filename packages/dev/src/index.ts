export { runDev } from './run-dev.js';
