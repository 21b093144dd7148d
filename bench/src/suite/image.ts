import { readFileSync } from 'node:fs';

const RECIPE = new URL('../../../deploy/image/Containerfile', import.meta.url);

/** Half of the manifests' memory limit, 256 MiB; where the benchmarks run there is no limit that the image's percentage could be of. */
const OLD_SPACE = ['--max-old-space-size-percentage=50', '--max-old-space-size=128'] as const;

/** How the image starts the operator. */
export interface ImageRuntime {
  readonly env: Readonly<Record<string, string>>;
  /** Arguments of node before the program. */
  readonly nodeArgs: readonly string[];
}

/** Reads it from the image's recipe, so that what is measured is what runs. Throws when the recipe says it in another form than it did. */
export function imageRuntime(recipe = readFileSync(RECIPE, 'utf8')): ImageRuntime {
  const instructions = recipe.replace(/\\\n/g, '').split('\n');
  const said = (instruction: string) => instructions.find((line) => line.startsWith(`${instruction} `)) ?? '';
  const pairs = [...said('ENV').matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)];
  const env = Object.fromEntries(pairs.map(([, name, quoted, bare]) => [name, quoted ?? bare]));
  const { NODE_OPTIONS: options } = env;
  if (options === undefined || !options.includes(OLD_SPACE[0]))
    throw new Error(`no ${OLD_SPACE[0]} in ${RECIPE.pathname}`);
  const [node, ...args] = JSON.parse(said('ENTRYPOINT').slice('ENTRYPOINT '.length)) as string[];
  const program = args.pop();
  if (node !== '/nodejs/bin/node' || program !== '/app/bin/kube-trigger.js')
    throw new Error(`another ENTRYPOINT than node and the program in ${RECIPE.pathname}`);
  return { env: { ...env, NODE_OPTIONS: options.replace(...OLD_SPACE) }, nodeArgs: args };
}
