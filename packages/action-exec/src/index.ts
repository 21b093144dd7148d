export { ExecConfig } from './config.js';
export { ExecAction } from './exec-action.js';
export { exec, exec as default } from './plugin.js';
