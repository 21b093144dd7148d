import { describeOnClusters, eventually } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BAD_RULES } from '../support/bad-rules.js';
import { Stage } from '../support/stage.js';

/** `spec.sources[0].configMap` as API servers before 1.25 write it. */
function withoutIndexes(path: string): string {
  return path.replaceAll(/\[\d+\]/g, '');
}

describeOnClusters('wrong rules', (start) => {
  let stage: Stage;
  const refused = new Map<string, string>();
  beforeAll(async () => {
    stage = await Stage.open(start);
    for (const [i, { what, spec }] of BAD_RULES.entries()) {
      await stage.rule(`bad-${i}`, spec as object).catch((error: unknown) => refused.set(what, String(error)));
    }
    await stage.startOperator();
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('are refused by the API server where the schema can say it, at the same place', () => {
    expect(refused.size).toBeGreaterThan(20);
    for (const { what, says } of BAD_RULES) {
      const message = refused.get(what);
      if (message === undefined) continue;
      const paths = says.map((line) => withoutIndexes(line.split(': ')[0] ?? ''));
      expect({ what, message, named: paths.filter((path) => withoutIndexes(message).includes(`${path}: `)) }).toEqual({
        what,
        message,
        named: expect.arrayContaining([expect.any(String)]) as unknown,
      });
    }
  });

  it('are otherwise accepted and answered in the words of kube-trigger lint', async () => {
    for (const [i, { what, says }] of BAD_RULES.entries()) {
      if (refused.has(what)) continue;
      const conditions = await eventually(
        async () => {
          const found = (await stage.status(`bad-${i}`)).conditions;
          if (found === undefined) throw new Error('no conditions yet');
          return found;
        },
        { because: `${what}: the operator should answer`, timeoutMs: 30_000 },
      );
      const accepted = conditions.find(({ type }) => type === 'Accepted');
      expect({ what, status: accepted?.status, message: accepted?.message }).toEqual({
        what,
        status: 'False',
        message: says.join('; '),
      });
    }
  });
});
