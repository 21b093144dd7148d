import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { TriggerError } from '@kube-trigger/core';
import { RecordingKubeClient, uncovered } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { DIGEST_KEY_RBAC, digestKeyProvider, type KubeObject, loadDigestKey, WELL_KNOWN } from '../../src/index.js';

const { Secret } = WELL_KNOWN;
const REF = { resource: Secret, namespace: 'system', name: 'kube-trigger-digest-key' };
const KNOWN = Buffer.alloc(32, 7);

let kube: RecordingKubeClient;
beforeEach(() => {
  kube = new RecordingKubeClient();
});

const stored = () =>
  (kube.objects.get(REF) as (KubeObject & { data: Record<string, string> }) | undefined)?.data['key'];

function putKey(key: string | undefined): void {
  const data = key === undefined ? {} : { data: { key } };
  const secret = { metadata: { namespace: 'system', name: REF.name }, ...data };
  kube.objects.put(Secret, secret);
}

describe('the digest key', () => {
  it('is made once, of 32 random bytes, and read from then on', async () => {
    const first = await loadDigestKey(kube, 'system');
    const made = stored() ?? '';
    expect(Buffer.from(made, 'base64')).toHaveLength(32);
    const again = await loadDigestKey(kube, 'system');
    expect([again.id, again.hmac('x'), stored()]).toEqual([first.id, first.hmac('x'), made]);
    expect(kube.said).toEqual(['get secrets', 'create secrets', 'get secrets']);
    expect(kube.objects.get(REF)).toMatchObject({ immutable: true, type: 'Opaque' });
  });

  it('is the same for replicas that start at the same time', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => loadDigestKey(kube, 'system')));
    expect(new Set(keys.map(({ id }) => id)).size).toBe(1);
    expect(kube.said.filter((said) => said === 'create secrets')).toHaveLength(5);
    expect((await loadDigestKey(kube, 'system')).id).toBe(keys[0]?.id);
  });

  it('is made anew when it is lost, with another id', async () => {
    const first = await loadDigestKey(kube, 'system');
    kube.objects.remove(REF);
    expect((await loadDigestKey(kube, 'system')).id).not.toBe(first.id);
  });

  it('does not go on for ever when its Secret comes and goes', async () => {
    kube.intercept = ({ verb }) => {
      if (verb === 'get') kube.objects.remove(REF);
      else putKey(KNOWN.toString('base64'));
    };
    await expect(loadDigestKey(kube, 'system')).rejects.toMatchObject({ code: 'KT_KUBE_CONFLICT' });
    expect(kube.requests).toHaveLength(6);
  });

  it.each([
    ['nothing', undefined, 0],
    ['too little', Buffer.alloc(31, 1).toString('base64'), 31],
  ])('that is %s is refused with the fix, and not overwritten', async (_, key, bytes) => {
    putKey(key);
    await expect(loadDigestKey(kube, 'system')).rejects.toMatchObject({
      code: 'KT_KUBE_DIGEST_KEY',
      explanation: `Secret system/kube-trigger-digest-key holds no digest key: data.key has ${bytes} bytes, not 32. Delete the Secret: a new key is made, and rules on Secrets start from a new baseline`,
    });
    expect(kube.said).toEqual(['get secrets']);
  });

  it('that may not be read is said as the API server says it', async () => {
    kube.forbid('get', Secret);
    await expect(loadDigestKey(kube, 'system')).rejects.toMatchObject({ code: 'KT_KUBE_FORBIDDEN' });
  });

  it('asks for no more than it declares', async () => {
    await loadDigestKey(kube, 'system');
    expect(uncovered(kube.requests, DIGEST_KEY_RBAC)).toEqual([]);
    expect(DIGEST_KEY_RBAC.every(({ inOperatorNamespace }) => inOperatorNamespace)).toBe(true);
  });

  it('is shown by nothing', async () => {
    putKey(KNOWN.toString('base64'));
    const key = await loadDigestKey(kube, 'system');
    const shown = [inspect(key, { showHidden: true, depth: 9 }), JSON.stringify(key)].join();
    expect(shown).toContain(key.id);
    for (const encoding of ['base64', 'base64url', 'hex', 'latin1'] as const) {
      expect(shown).not.toContain(KNOWN.toString(encoding).slice(0, 16));
    }
  });

  it('gives HMAC-SHA-256 of the items, each after its length', async () => {
    putKey(KNOWN.toString('base64'));
    const key = await loadDigestKey(kube, 'system');
    const expected = createHmac('sha256', KNOWN).update('2:ab4:grü').digest('base64url');
    expect(key.hmac('ab', Buffer.from('grü'))).toBe(expected);
    expect(new Set([key.hmac('a', 'bc'), key.hmac('ab', 'c'), key.hmac('abc'), key.hmac('abc', '')]).size).toBe(4);
  });
});

describe('the provider', () => {
  it('loads once for all', async () => {
    const provider = digestKeyProvider(kube, 'system');
    expect(kube.requests).toEqual([]);
    const keys = await Promise.all([provider(), provider()]);
    expect(await provider()).toBe(keys[0]);
    expect(keys[1]).toBe(keys[0]);
    expect(kube.said).toEqual(['get secrets', 'create secrets']);
  });

  it('tries again after a failure', async () => {
    const provider = digestKeyProvider(kube, 'system');
    kube.intercept = () => {
      throw new TriggerError('KT_KUBE_UNREACHABLE', 'gone');
    };
    await expect(provider()).rejects.toMatchObject({ code: 'KT_KUBE_UNREACHABLE' });
    kube.intercept = undefined;
    expect((await provider()).id).toHaveLength(12);
  });
});
