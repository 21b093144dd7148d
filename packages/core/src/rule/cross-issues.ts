import type { Plugin } from '../contract/plugin.js';
import type { CompiledSource } from './compiled-rule.js';
import type { RuleSpec } from './rule-spec.js';
import type { RuleIssue } from './validate-config.js';

/** By place in the rule; undefined for an item that is wrong by itself. */
interface Items {
  readonly sources: readonly (CompiledSource | undefined)[];
  readonly filters: readonly (Consumer | undefined)[];
  readonly actions: readonly (Consumer | undefined)[];
}

interface Consumer {
  readonly name: string;
  readonly plugin: Plugin;
  readonly needsObject: boolean;
}

/** What is wrong between the parts of a rule, each of which may be right by itself. */
export function crossIssues(items: Items, delivery: RuleSpec['delivery']): RuleIssue[] {
  return [
    ...coalesceIssues(delivery),
    ...repeatedSources(items.sources),
    ...Object.entries(items).flatMap(([list, of]: [string, Items[keyof Items]]) => repeatedNames(list, of)),
    ...objectIssues(items),
  ];
}

/** Of what was written only: defaults fit each other. */
function coalesceIssues({ coalesce }: RuleSpec['delivery']): RuleIssue[] {
  const { quietSeconds, maxWaitSeconds } = coalesce;
  if (quietSeconds === undefined || maxWaitSeconds === undefined || maxWaitSeconds >= quietSeconds) return [];
  const message = `${maxWaitSeconds} is shorter than quietSeconds (${quietSeconds}); raise it, or lower quietSeconds`;
  return [{ path: 'spec.delivery.coalesce.maxWaitSeconds', message }];
}

function repeatedSources(sources: Items['sources']): RuleIssue[] {
  return sources.flatMap((source, index) => {
    const first = sources.findIndex((other) => other !== undefined && other.id === source?.id);
    if (first < 0 || first === index) return [];
    return [{ path: `spec.sources[${index}]`, message: `repeats spec.sources[${first}]; remove one of them` }];
  });
}

/** Status, reports and `explain` tell items apart by name. */
function repeatedNames(list: string, items: readonly ({ readonly name: string } | undefined)[]): RuleIssue[] {
  return items.flatMap((item, index) => {
    const first = items.findIndex((other) => other !== undefined && other.name === item?.name);
    if (first < 0 || first === index) return [];
    const message = `"${item?.name}" is the name of spec.${list}[${first}] already; choose another one`;
    return [{ path: `spec.${list}[${index}].name`, message }];
  });
}

const NO_OBJECTS = { never: 'the events of one of its sources are about no object' };

/** Whoever looks at objects can do so for every source of the rule, or the rule is refused. */
function objectIssues({ sources, filters, actions }: Items): RuleIssue[] {
  const blind = sources.flatMap((source, position) => {
    const { objects = NO_OBJECTS, name = '' } = source?.plugin ?? {};
    return source === undefined || objects === 'readable' ? [] : [{ position, name, never: objects.never }];
  });
  return Object.entries({ filters, actions }).flatMap(([list, items]) =>
    items.flatMap((item, index) => {
      if (item?.needsObject !== true) return [];
      const path = `spec.${list}[${index}].${item.plugin.name}`;
      return blind.map(({ position, name, never }) => ({
        path,
        message: `uses object, but ${never} (spec.sources[${position}] is ${name}); do without it, or make a rule of its own for that source`,
      }));
    }),
  );
}
