export { silentLogger } from './silent-logger.js';
export { VirtualClock } from './virtual-clock.js';
