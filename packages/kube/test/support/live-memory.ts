import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes in buffers that somebody still holds: garbage is collected first, so that this tells what is kept and not what V8 has not got to. */
export function liveBufferBytes(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}
