import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** How many of them something still refers to. */
export async function stillAlive(objects: readonly WeakRef<object>[]): Promise<number> {
  // Until the job ends in which it was made, a WeakRef keeps its object.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return objects.filter((object) => object.deref() !== undefined).length;
}

/** Bytes of the JavaScript heap that something still refers to. */
export function liveHeapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
