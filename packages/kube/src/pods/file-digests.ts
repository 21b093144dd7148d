import { isTriggerError } from '@kube-trigger/core';
import type { KubeClient, RequestOptions } from '../client.js';

export interface InContainer extends RequestOptions {
  readonly kube: Pick<KubeClient, 'exec'>;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** Of one command: its words are part of a URL, and its output is kept whole. */
const MAX_PATHS = 50;
const MAX_PATHS_LENGTH = 8192;
/** A digest and two characters before each path. */
const TAIL_BYTES = MAX_PATHS * 70 + 2 * MAX_PATHS_LENGTH;

/** What busybox and the GNU coreutils have, and so nearly every image with a shell. */
const PROGRAM = 'sha256sum';

/**
 * SHA-256 by path of what a container sees, in hex; without the files that are not there or that it may not read. Undefined when it cannot
 * digest at all: its image has no `sha256sum`. However large the files are, only digests are transferred.
 */
export async function fileDigests(
  paths: readonly string[],
  where: InContainer,
): Promise<ReadonlyMap<string, string> | undefined> {
  const found = new Map<string, string>();
  for (const batch of batches(paths)) {
    const lines = await linesFrom(batch, where);
    if (lines === undefined) return undefined;
    for (const [path, digest] of lines) found.set(path, digest);
  }
  return found;
}

async function linesFrom(
  paths: readonly string[],
  { kube, namespace, pod, container, signal }: InContainer,
): Promise<[path: string, digest: string][] | undefined> {
  try {
    const request = { namespace, pod, container, command: [PROGRAM, ...paths] };
    const { exitCode, stdout } = await kube.exec(request, { signal, tailBytes: TAIL_BYTES });
    // As runtimes say that there is no such program. 1: some of the files are missing.
    if (exitCode === 126 || exitCode === 127) return undefined;
    return stdout.bytes.toString('utf8').split('\n').flatMap(parsed);
  } catch (thrown) {
    if (isTriggerError(thrown) && thrown.code === 'KT_KUBE_EXEC_COMMAND') return undefined;
    throw thrown;
  }
}

const LINE = /^(?<escaped>\\?)(?<digest>[0-9a-f]{64}) [ *](?<path>.+)$/;

/** coreutils puts a backslash before a line whose path has backslashes or line feeds, and escapes them. */
function parsed(line: string): [path: string, digest: string][] {
  const { escaped, digest = '', path = '' } = LINE.exec(line)?.groups ?? {};
  if (digest === '') return [];
  const plain = escaped === '' ? path : path.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  return [[plain, digest]];
}

function* batches(paths: readonly string[]): Iterable<readonly string[]> {
  let batch: string[] = [];
  let length = 0;
  for (const path of paths) {
    if (batch.length === MAX_PATHS || (batch.length > 0 && length + path.length > MAX_PATHS_LENGTH)) {
      yield batch;
      [batch, length] = [[], 0];
    }
    batch.push(path);
    length += path.length;
  }
  if (batch.length > 0) yield batch;
}
