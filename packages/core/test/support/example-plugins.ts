import { NEVER } from 'rxjs';
import { Type } from 'typebox';
import {
  defineAction,
  defineFilter,
  defineSource,
  LabelSelector,
  NamespaceName,
  ObjectName,
  PASS,
  PluginRegistry,
  StringEnum,
} from './core.js';
import { DONE } from './recorder.js';

class NeverSource {
  open() {
    return NEVER;
  }
}
class PassFilter {
  decide() {
    return PASS;
  }
}
class DoneAction {
  run() {
    return Promise.resolve(DONE);
  }
}

export const things = defineSource({
  name: 'things',
  summary: 'Things.',
  config: Type.Object(
    {
      name: Type.Optional(ObjectName()),
      namespace: Type.Optional(NamespaceName()),
      selector: Type.Optional(LabelSelector()),
      on: Type.Array(StringEnum(['created', 'updated']), { default: ['created', 'updated'], minItems: 1 }),
    },
    { additionalProperties: false },
  ),
  semantics: 'level',
  handles: { apiVersion: 'v1', kind: 'Thing' },
  revisionFormat: 1,
  rbac: [],
  useClass: NeverSource,
  validate: ({ name, selector }) =>
    name !== undefined && selector !== undefined ? [{ path: 'selector', message: 'cannot stand beside name' }] : [],
});

export const clock = defineSource({
  name: 'clock',
  summary: 'Ticks.',
  config: Type.Object({ everySeconds: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
  semantics: 'edge',
  revisionFormat: 1,
  rbac: [],
  useClass: NeverSource,
});

export const sieve = defineFilter({
  name: 'sieve',
  summary: 'Sieves.',
  config: Type.Object({ mesh: Type.Number({ default: 1 }) }, { additionalProperties: false }),
  rbac: [],
  useClass: PassFilter,
});

export const call = defineAction({
  name: 'call',
  summary: 'Calls.',
  config: Type.Object({ url: Type.String({ pattern: '^https?://' }) }, { additionalProperties: false }),
  semantics: 'edge',
  rbac: [],
  useClass: DoneAction,
});

export const roll = defineAction({
  name: 'roll',
  summary: 'Rolls.',
  config: Type.Object({ name: ObjectName() }, { additionalProperties: false }),
  semantics: 'level',
  rbac: [],
  useClass: DoneAction,
  validate: ({ name }) => {
    if (name === 'broken') throw new Error('boom');
    return name === 'self' ? [{ path: '', message: 'names itself' }] : [];
  },
});

export function exampleRegistry(): PluginRegistry {
  const registry = new PluginRegistry();
  for (const plugin of [things, clock, sieve, call, roll]) registry.register(plugin, 'example');
  return registry;
}
