import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as kube from '../src/index.js';

it('exports these names, and no others by accident', () => {
  expect(Object.keys(kube).toSorted()).toEqual([
    'Answered',
    'DEFAULT_TIMINGS',
    'DIGEST_KEY_NAME',
    'DIGEST_KEY_RBAC',
    'DIGEST_LENGTH',
    'DigestKeyToken',
    'EventRecorderToken',
    'KUBE_ERROR_CODES',
    'KubeClientToken',
    'MOUNT_RBAC',
    'MountWatch',
    'NAMESPACE_IN_CEL',
    'NAME_IN_CEL',
    'ONE_CHOICE',
    'SNAPSHOT_LABEL',
    'WELL_KNOWN',
    'apiVersionOf',
    'choiceAuthorRights',
    'choiceIssues',
    'choiceOptions',
    'choiceRbac',
    'createEventRecorder',
    'createKubeClient',
    'decideOn',
    'digestKeyProvider',
    'digestOf',
    'each',
    'electLeader',
    'filterParts',
    'globIssue',
    'guessedPlural',
    'guessedPluralInCel',
    'impersonate',
    'inClusterAuth',
    'isInCluster',
    'isReady',
    'keyFilter',
    'keysIssues',
    'keysOption',
    'kubeconfigAuth',
    'labelSelectorText',
    'limitClient',
    'loadDigestKey',
    'looksIntoMounts',
    'mustExec',
    'observeObjects',
    'onOption',
    'qualifiedName',
    'readObject',
    'readyPods',
    'revisionOf',
    'selectorIssues',
    'selectorMatches',
    'staticAuth',
    'waitForMountOption',
  ]);
});

it('the table of error codes has every code that the sources use, and no other', async () => {
  const folder = join(import.meta.dirname, '../src');
  const files = (await readdir(folder, { recursive: true })).filter(
    (file) => file.endsWith('.ts') && file !== 'errors.ts',
  );
  const sources = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const used = new Set(sources.join('\n').match(/\bKT_[A-Z_]+\b/g));
  expect([...used].toSorted()).toEqual(Object.keys(kube.KUBE_ERROR_CODES).toSorted());
});
