import { fakeContext } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import updatePodTemplate, { RolloutAction, type RolloutConfig } from '../../src/index.js';
import { Pod } from '../world.js';
import { Fleet } from './fleet.js';

const ANNOTATE = { strategy: 'annotate' } as const;

/** What is listed beside the targets. */
const listed = (config: RolloutConfig) =>
  updatePodTemplate
    .rbacFor?.(config)
    .filter(({ verbs }) => verbs.join() === 'list')
    .map(({ resources, namespace }) => [...resources, ...(namespace === undefined ? [] : [namespace])].join(' '));

describe('rights', () => {
  it.each<[string, RolloutConfig, string[]]>([
    ['without pacing', { referencing: true, ...ANNOTATE }, []],
    ['with pacing', { referencing: true, ...ANNOTATE, pacing: { concurrency: 1 } }, ['pods']],
    [
      'to undo all kinds',
      { referencing: true, ...ANNOTATE, pacing: { onFailure: 'undo' } },
      ['pods', 'replicasets', 'controllerrevisions'],
    ],
    [
      'to undo one',
      {
        objectRef: { kind: 'StatefulSet', name: 'db', namespace: 'data' },
        ...ANNOTATE,
        pacing: { onFailure: 'undo' },
      },
      ['pods data', 'controllerrevisions data'],
    ],
  ])('%s', (_, config, expected) => {
    expect(listed(config)).toEqual(expected);
  });

  it('that pacing needs are asked for before the first change', async () => {
    const { kube } = new Fleet();
    const config: RolloutConfig = { selector: { kind: 'Deployment' }, ...ANNOTATE, pacing: { concurrency: 1 } };
    const action = new RolloutAction(kube);
    await action.check(config, fakeContext());
    kube.forbid('list', Pod);
    await expect(action.check(config, fakeContext())).rejects.toThrow('kube-trigger may not list pods in shop');
    await action.check({ selector: { kind: 'Deployment' }, ...ANNOTATE }, fakeContext());
  });
});
