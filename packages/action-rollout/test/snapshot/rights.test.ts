import { type Resource, WELL_KNOWN } from '@kube-trigger/kube';
import { beforeEach, describe, expect, it } from 'vitest';
import { CONFIG, SnapshotWorld } from './world.js';

const { ConfigMap, Secret } = WELL_KNOWN;
const ROLE =
  'Add to a Role in namespace shop, bound to kube-trigger\'s identity: {apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "create", "patch", "delete"]}, or the same for secrets where the rule watches those';

let world: SnapshotWorld;
beforeEach(() => {
  world = new SnapshotWorld();
});

const check = (config = CONFIG) =>
  world.action.check(config, world.context).then(
    () => 'allowed',
    (thrown: Error) => ('explanation' in thrown ? String(thrown.explanation) : thrown.message),
  );
const forbid = (verb: string, ...resources: Resource[]) => {
  for (const resource of resources) world.kube.forbid(verb, resource);
};

describe('rights to copy are asked for before the first change', () => {
  it.each(['get', 'list', 'create', 'patch', 'delete'])('%s', async (verb) => {
    forbid(verb, Secret);
    expect(await check()).toBe('allowed');
    forbid(verb, ConfigMap);
    const said = await check();
    const what = `it may not ${verb} configmaps, nor ${verb} secrets`;
    expect(said).toContain(`kube-trigger may copy neither ConfigMaps nor Secrets in shop: ${what}`);
    expect(said).toContain(ROLE);
  });

  it('by no rule that makes none', async () => {
    forbid('create', ConfigMap, Secret);
    const { configSnapshot: _, ...without } = CONFIG;
    expect(await check(without)).toBe('allowed');
  });
});
