import type { Plugin } from '@kube-trigger/core';

const LISTS = [
  ['sources', 'source', 'What to watch: a change of any of them fires.'],
  ['filters', 'filter', 'Each passes, drops or defers a change, in order.'],
  ['actions', 'action', 'What to do, in order. Beside the plugin: name, retry, timeoutSeconds, onFailure.'],
] as const;

/**
 * The description of `spec`. OpenAPI v2, which kubectl explain asks for before Kubernetes 1.27, has nothing below an object that keeps
 * unknown fields, so what can be written there is told here.
 */
export function outline(plugins: readonly Plugin[]): string {
  const lines = LISTS.flatMap(([list, kind, meaning]) => [
    `${list}: ${meaning}`,
    ...plugins.filter((plugin) => plugin.kind === kind).map((plugin) => `- ${plugin.name}: ${optionsOf(plugin)}`),
    ...(kind === 'source' ? ['- objectRef: kind, name, namespace. The kind picks the plugin.'] : []),
  ]);
  const others =
    'suspend, onFirstSeen, delivery: see docs/reference/rules.md. Options in full: kube-trigger plugins describe NAME.';
  return ['What to watch and what to do.', ...lines, others].join('\n');
}

function optionsOf({ summary, config }: Plugin): string {
  const options = Object.keys((config as { properties?: object }).properties ?? {});
  return `${summary} Options: ${options.join(', ')}.`;
}
