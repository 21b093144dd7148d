import { describe, expect, it } from 'vitest';
import { authorshipOf } from '../src/index/managed-fields.js';

const TEMPLATE = ['spec', 'template'];
const OURS = 'trigger.app.example.com/shop.example';

/** As `--show-managed-fields` prints an entry. */
const entry = (manager: string, time: string, fieldsV1?: object) => ({ manager, time, fieldsV1 });
const annotated = (...names: string[]) => ({
  'f:metadata': { 'f:annotations': Object.fromEntries(names.map((name) => [`f:${name}`, {}])) },
});
const inTemplate = (fields: object) => ({ 'f:spec': { 'f:template': fields } });

function authorship(...managedFields: object[]) {
  const metadata = { name: 'web', managedFields } as { name: string };
  return authorshipOf({ metadata }, TEMPLATE);
}

const at = (time: string) => Date.parse(time);

describe('who wrote what of a workload', () => {
  it('is nobody known where the API server tells nothing', () => {
    expect(authorshipOf({ metadata: { name: 'web' } }, TEMPLATE)).toEqual({
      writer: undefined,
      writtenAtMs: {},
      statusAtMs: undefined,
    });
    expect(authorship(entry('kubectl', '2026-01-01T00:00:00Z')).writer).toBeUndefined();
  });

  it('is the last other one that wrote the pod template', () => {
    const { writer } = authorship(
      entry('helm', '2026-01-02T00:00:00Z', inTemplate({ 'f:spec': {} })),
      entry('argocd', '2026-01-03T00:00:00Z', inTemplate({ 'f:metadata': {} })),
      entry('kubectl', '2026-01-01T00:00:00Z', inTemplate({ 'f:spec': {} })),
      entry('hpa', '2026-01-05T00:00:00Z', { 'f:spec': { 'f:replicas': {} } }),
      entry('kube-trigger', '2026-01-06T00:00:00Z', inTemplate(annotated(OURS))),
    );
    expect(writer).toEqual({ manager: 'argocd', atMs: at('2026-01-03T00:00:00Z') });
  });

  it('has the latest time of each of our annotations, on the object and on its template', () => {
    const { writtenAtMs } = authorship(
      entry('kube-trigger', '2026-01-02T00:00:00Z', { ...annotated(OURS), ...inTemplate(annotated(`${OURS}-2`)) }),
      entry('kube-trigger-apply', '2026-01-03T00:00:00Z', inTemplate(annotated(OURS, 'example.com/foreign'))),
      entry('kubectl', '2026-01-09T00:00:00Z', annotated(OURS)),
    );
    expect(writtenAtMs).toEqual({
      [OURS]: at('2026-01-03T00:00:00Z'),
      [`${OURS}-2`]: at('2026-01-02T00:00:00Z'),
    });
  });

  it('has when the status was last written', () => {
    const { statusAtMs } = authorship(
      entry('kube-controller-manager', '2026-01-02T00:00:00Z', { 'f:status': { 'f:replicas': {} } }),
      entry('other', '2026-01-01T00:00:00Z', { 'f:status': {} }),
      entry('kubectl', '2026-01-03T00:00:00Z', { 'f:spec': {} }),
    );
    expect(statusAtMs).toBe(at('2026-01-02T00:00:00Z'));
  });

  it('takes the whole object for the template of a pod', () => {
    const metadata = { name: 'p', managedFields: [entry('kubelet', '2026-01-01T00:00:00Z', { 'f:status': {} })] };
    expect(authorshipOf({ metadata }, []).writer?.manager).toBe('kubelet');
  });
});
