import { describe, expect, it } from 'vitest';
import { labelValueOf, originOf, pointerAnnotation, pointersIn, snapshotName } from '../../src/snapshot/names.js';

const LONG = 'a'.repeat(242);
const LABEL = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

describe('names of snapshots', () => {
  it('are told by the contents and lead back to their origin', () => {
    expect(snapshotName('app-config', 'digest')).toBe(snapshotName('app-config', 'digest'));
    expect(snapshotName('app-config', 'other')).not.toBe(snapshotName('app-config', 'digest'));
    for (const origin of ['app-config', 'a.b', LONG]) {
      const name = snapshotName(origin, 'digest');
      expect([originOf(name), name.length]).toEqual([origin, origin.length + 11]);
      expect(name).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
    }
    expect(originOf('app-config')).toBeUndefined();
  });

  it('fit into labels and annotations, whose long forms differ', () => {
    for (const origin of ['app-config', LONG]) {
      expect(labelValueOf(origin)).toMatch(LABEL);
      expect(pointerAnnotation('Secret', origin).split('/')[1]).toMatch(LABEL);
    }
    expect(labelValueOf(`${LONG}a`)).not.toBe(labelValueOf(`${LONG}b`));
    expect(pointerAnnotation('ConfigMap', `${LONG}a`)).not.toBe(pointerAnnotation('ConfigMap', `${LONG}b`));
  });
});

describe('pointers in annotations', () => {
  const annotationsOf = (...objects: readonly (readonly ['ConfigMap' | 'Secret', string])[]) =>
    Object.fromEntries(objects.map(([kind, origin]) => [pointerAnnotation(kind, origin), snapshotName(origin, 'd')]));

  it('are read as they were written, long names too', () => {
    expect([...pointersIn(annotationsOf(['ConfigMap', 'app-config'], ['Secret', LONG]))]).toEqual([
      ['ConfigMap/app-config', snapshotName('app-config', 'd')],
      [`Secret/${LONG}`, snapshotName(LONG, 'd')],
    ]);
  });

  it.each<Readonly<Record<string, string>>>([
    { 'trigger.app.example.com/shop.example': 'app-config-0123456789' },
    { 'trigger.app.example.com/ConfigMap.app-config': 'app-config' },
    { 'trigger.app.example.com/ConfigMap.app-config': 'other-0123456789' },
    { 'example.com/ConfigMap.app-config': 'app-config-0123456789' },
    { 'trigger.app.example.com/Deployment.app-config': 'app-config-0123456789' },
  ])('that do not say it well say nothing: %j', (annotations) => {
    expect(pointersIn(annotations).size).toBe(0);
  });
});
